"""The only thing that crosses from training to serving.

Owns the format on disk (docs/bundle-spec.md), its verification and the registry of bundles. Never holds code, never
reads a clock, and does not know what the arrays mean: that is between `models`, which writes them, and `scoring`,
which uses them.
"""

from coldframe.bundle.format import Bundle, open_bundle, write_bundle
from coldframe.bundle.registry import BundleInfo, Registry
from coldframe.scoring.texts import decode_texts, encode_texts

__all__ = ["Bundle", "BundleInfo", "Registry", "decode_texts", "encode_texts", "open_bundle", "write_bundle"]
