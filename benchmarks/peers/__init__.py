"""Outside recommenders, answering the same questions as coldframe's models in `benchmarks/quality.py --peers …`.

Owns how a peer is fitted, tuned and asked; a peer itself is always the published library, never a copy of its idea.
Peers live in an environment of their own, `.venv-peers` (`make peers`), and answer over a pipe: `worker.py` and `fits/`
run there and import nothing of coldframe; the other modules run here and import nothing of a peer.

    implicit-als     implicit: matrix factorisation, no content. A question's history is folded in (`recalculate_user`).
    implicit-bpr     implicit: pairwise ranking. Cannot fold in: a user keeps the vector of the training.
    lightfm          LightFM (the fork that RecTools keeps): WARP over ids, content and user attributes. Cannot fold in:
                     a user keeps the vector of the training, somebody new is the sum of his attributes. With more
                     than one thread two trainings differ.
    rectools-ials    RecTools: implicit's factorisation with content and attributes as fixed factors, history folded in.
    cicerone         Cicerone: LightFM, item-kNN, content for new items, popularity, by the best of its combiners.
                     What a user did since the training reaches its item-kNN and its count, not its LightFM.
    cicerone-curve   The same with its combiner held to the hand-made curve of a user's event count.

What no peer can say is NaN, and popularity fills it as for every model. A peer is not told who asks: it recognises a
user by the part of his history that lies in its training events, and somebody without such events is new to it.

All models of a run rank the same candidates. Where things are had again (a shop's log), what a user had before is a
candidate for every model; peers get no rule of their own for it, as none of them has one (Cicerone's personal lists
leave out what was had, whatever the shop).
"""
