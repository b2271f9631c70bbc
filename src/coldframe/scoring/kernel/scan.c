/* The scan behind coldframe.scoring.kernel: products of small codes with a bound, and exact scores of some rows.

   Owns arithmetic on arrays that the caller checked. Allocates scratch only, keeps nothing, knows no Python. The proof of
   the bound is in the docstring of matrix.py.

   Never compile with -ffast-math: exact scores rely on IEEE arithmetic in the order written here. */

#include <stdlib.h>

#include "coding.h"
#include "products.h"

#define SHORT 3  /* deviations of scores from their mean within which most rows are */
#define SAMPLE 512  /* blocks whose bounds say where to cut first, and rows that say how many are open */
#define EARLY 8  /* blocks that are fetched before their turn */
#define AHEAD 8  /* rows whose codes are fetched before their turn */
#define NEXT 2   /* rows whose floats are */

/* Write a float32 upper bound of the score of each of a block's rows, from their small codes, infinite where float32
   cannot say. */
INLINE void bound(const Matrix *m, const Query *query, int64_t b, float *high, const Dots dots_of) {
    const uint8_t *block = m->blocks + b * block_bytes(m->groups);
    const Sides *sides = (const Sides *)(block + code_bytes(m->groups));
    const Limit limit = query->all ? m->limits[b].all : m->limits[b].leading;
    const float off = limit.size * query->small_rest + limit.rest * query->head, scale = query->small_scale;
    static const float nothing[LANES];
    const float *tails = query->all ? nothing : m->tails + b * LANES;
    int32_t dots[LANES];
    for (int lane = 0; lane < LANES; lane++) dots[lane] = -query->moved;
    dots_of(block, query->small, m->groups, dots);
    if (query->all) dots_of(m->deeper + b * code_bytes(m->more), query->small + m->groups * GROUP, m->more, dots);
    for (int lane = 0; lane < LANES; lane++) {
        const float bias = sides->bias[lane], room = fabsf(bias) * 0x1p-21f + 0x1p-100f;
        const float most = scale * (float)dots[lane] + (off + tails[lane] * query->tail);
        const float value = bias + (room + sides->scale[lane] * most);
        high[lane] = fabsf(value) <= FLT_MAX ? value : INFINITY; /* minus infinity is an overflow, too */
    }
}

INLINE void fetch(const uint8_t *from, int64_t bytes) {
    for (int64_t at = 0; at < bytes; at += LINE) __builtin_prefetch(from + at);
}

/* Write every row's bound, and the largest of each block, −infinity up to whole 16 blocks. */
INLINE void bounds_with(const Matrix *m, const Query *query, float *high, float *tops, const Dots dots_of) {
    const int64_t n = blocks_of(m->n);
    for (int64_t b = n; b < blocks_of(n) * LANES; b++) tops[b] = -INFINITY;
    for (int64_t b = 0; b < n; b++, high += LANES) {
        const int64_t next = b + EARLY < n ? b + EARLY : b;
        float top[LANES / 2];
        fetch(m->blocks + next * block_bytes(m->groups), block_bytes(m->groups));
        if (query->all) fetch(m->deeper + next * code_bytes(m->more), code_bytes(m->more));
        bound(m, query, b, high, dots_of);
        for (int i = 0; i < 8; i++) top[i] = high[i] > high[i + 8] ? high[i] : high[i + 8];
        for (int i = 0; i < 4; i++) top[i] = top[i] > top[i + 4] ? top[i] : top[i + 4];
        for (int i = 0; i < 2; i++) top[i] = top[i] > top[i + 2] ? top[i] : top[i + 2];
        tops[b] = top[0] > top[1] ? top[0] : top[1];
    }
}

/* Write the open rows of 16 blocks from `start` on whose bounds are at least `from`, which then are NaN; return how many. */
INLINE int64_t reaching_with(const Matrix *m, float *high, const float *tops, const uint8_t *open, float from, int64_t start,
                             Found *found, const Reach reach) {
    int64_t count = 0;
    for (uint32_t blocks = reach(tops + start, from); blocks; blocks &= blocks - 1) {
        const int64_t first = (start + __builtin_ctz(blocks)) * LANES;
        for (uint32_t bits = first < m->n ? reach(high + first, from) : 0; bits; bits &= bits - 1) {
            const int64_t row = first + __builtin_ctz(bits);
            if (row < m->n && open[row]) found[count++].row = (int32_t)row, high[row] = NAN;
        }
    }
    return count;
}

/* Bound the scores of some rows by all their codes. */
INLINE void settle_with(const Matrix *m, const Query *query, Found *found, int64_t n, const Dot dot) {
    for (int64_t i = 0; i < n; i++) {
        if (i + AHEAD < n) {
            const int64_t next = found[i + AHEAD].row;
            __builtin_prefetch(m->rows + next);
            for (int64_t j = 0; j < m->dim; j += 64) __builtin_prefetch(m->codes + next * m->dim + j);
        }
        const Row *row = m->rows + found[i].row;
        const double bias = row->bias, scale = row->scale;
        const double off = scale * (row->size * query->rest + row->rest * query->length) + fabs(bias) * 0x1p-48;
        const double middle = bias + scale * query->scale * (double)dot(m->codes + found[i].row * m->dim, query->codes, m->dim);
        found[i].low = (float)(middle - off), found[i].high = (float)(middle + off);
    }
}

/* Products in double are exact; they are added in halves: p[j] += p[j + w / 2] for w = width … 2, width the least power
   of two ≥ dim. NumPy does the very same in exact.py. `sums` holds width / 2 doubles (1 at least). */
INLINE double dot_in_halves(const float *row, const double *vector, int64_t dim, int64_t width, double *sums) {
    if (width == 1) return (double)row[0] * vector[0];
    int64_t half = width / 2;
    const int64_t both = dim - half;
    for (int64_t j = 0; j < both; j++) sums[j] = (double)row[j] * vector[j] + (double)row[j + half] * vector[j + half];
    for (int64_t j = both; j < half; j++) sums[j] = (double)row[j] * vector[j];
    for (half /= 2; half >= 4; half /= 2)
        for (int64_t j = 0; j < half; j++) sums[j] += sums[j + half];
    if (width >= 8) return (sums[0] + sums[2]) + (sums[1] + sums[3]);
    return width == 4 ? sums[0] + sums[1] : sums[0];
}

INLINE int exact_with(const float *vectors, const float *bias, int64_t dim, const float *vector, const int32_t *rows, int64_t n, float *scores) {
    int64_t width = 1;
    while (width < dim) width *= 2;
    double *sums = malloc((size_t)width * 2 * sizeof *sums);
    if (!sums) return -1;
    double *asked = sums + width;
    for (int64_t j = 0; j < dim; j++) asked[j] = vector[j];
    for (int64_t i = 0; i < n; i++) {
        const int64_t row = rows ? rows[i] : i;
        if (rows && i + NEXT < n)
            for (int64_t j = 0; j < dim; j += 16) __builtin_prefetch(vectors + (int64_t)rows[i + NEXT] * dim + j);
        const double sum = dot_in_halves(vectors + row * dim, asked, dim, width, sums);
        scores[i] = (float)(bias ? (double)bias[row] + sum : sum);
    }
    free(sums);
    return 0;
}

/* Return the k-th largest of values[n], 1 ≤ k ≤ n, reordering them (Hoare 1961). */
static float kth_largest(float *values, int64_t n, int64_t k) {
    int64_t left = 0, right = n - 1, want = k - 1;
    while (left < right) {
        const float pivot = values[left + (right - left) / 2];
        int64_t i = left, j = right;
        while (i <= j) {
            while (values[i] > pivot) i++;
            while (values[j] < pivot) j--;
            if (i <= j) {
                const float kept = values[i];
                values[i++] = values[j];
                values[j--] = kept;
            }
        }
        if (want <= j) right = j;
        else if (want >= i) left = i;
        else break;
    }
    return values[want];
}

/* What runs on one kind of processor. */
typedef struct {
    void (*bounds)(const Matrix *, const Query *, float *, float *);
    int64_t (*reaching)(const Matrix *, float *, const float *, const uint8_t *, float, int64_t, Found *);
    void (*settle)(const Matrix *, const Query *, Found *, int64_t);
    int (*exact)(const float *, const float *, int64_t, const float *, const int32_t *, int64_t, float *);
    void (*quantise)(const Matrix *, const float *, const float *, int64_t, int16_t *);
} Instructions;

#define INSTRUCTIONS(name, TARGET, dots, dot, reach)                                                                         \
    TARGET static void bounds_##name(const Matrix *m, const Query *q, float *h, float *t) { bounds_with(m, q, h, t, dots); }  \
    TARGET static int64_t reaching_##name(const Matrix *m, float *h, const float *t, const uint8_t *o, float f, int64_t s,    \
                                          Found *r) {                                                                        \
        return reaching_with(m, h, t, o, f, s, r, reach);                                                                    \
    }                                                                                                                        \
    TARGET static void settle_##name(const Matrix *m, const Query *q, Found *f, int64_t n) { settle_with(m, q, f, n, dot); }  \
    TARGET static int exact_##name(const float *v, const float *b, int64_t d, const float *u, const int32_t *r, int64_t n,    \
                                   float *s) {                                                                               \
        return exact_with(v, b, d, u, r, n, s);                                                                              \
    }                                                                                                                        \
    TARGET static void quantise_##name(const Matrix *m, const float *v, const float *b, int64_t n, int16_t *s) {                \
        quantise_with(m, v, b, n, s);                                                                                        \
    }                                                                                                                        \
    static const Instructions name = {bounds_##name, reaching_##name, settle_##name, exact_##name, quantise_##name};

INSTRUCTIONS(in_c, , dots_plain, dot_plain, reach_plain)
#if defined(__x86_64__)
INSTRUCTIONS(in_avx2, AVX2, dots_avx2, dot_avx2, reach_avx2)
INSTRUCTIONS(in_vnni, VNNI, dots_vnni, dot_avx2, reach_vnni)
#endif

static const Instructions *instructions(int level) {
#if defined(__x86_64__)
    if (level) return level == 2 ? &in_vnni : &in_avx2;
#endif
    (void)level;
    return &in_c;
}

/* What this processor can do: 0 plain C, 1 AVX2, 2 AVX-512 with VNNI. */
int cf_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

/* The bytes of the blocks of n rows with so many groups of leading codes. */
int64_t cf_bytes(int64_t n, int64_t groups) { return blocks_of(n) * block_bytes(groups); }

/* Quantise `count` vectors [count, dim] from row `start` on, of whole blocks; all but `spread` was zeroed by the caller.
   A row or bias that is not finite gets an infinite rest, so that it always is found and scored exactly. Returns 0, or -1
   without memory. */
int cf_quantise(int level, const Matrix *matrix, int64_t start, const float *vectors, const float *bias, int64_t count) {
    int16_t *scratch = malloc((size_t)matrix->dim * sizeof *scratch + 1);
    if (!scratch) return -1;
    Matrix from = *matrix;
    from.blocks += start / LANES * block_bytes(from.groups), from.deeper += start / LANES * code_bytes(from.more);
    from.tails += start, from.limits += start / LANES, from.codes += start * from.dim, from.rows += start;
    instructions(level)->quantise(&from, vectors, bias, count, scratch);
    free(scratch);
    return 0;
}

/* Write the exact scores of some rows (of all n without `rows`). Returns 0, or -1 without memory. */
int cf_exact(int level, const float *vectors, const float *bias, int64_t dim, const float *vector, const int32_t *rows,
             int64_t n, float *scores) {
    return instructions(level)->exact(vectors, bias, dim, vector, rows, n, scores);
}

/* True where too many rows may reach the k-th best by what leads alone. Of normal scores the k-th best of n lies about
   √(2 log (n ÷ k)) deviations out, where few others do; rows a little more than SHORT of that would be too many. */
static int wants_all(const Matrix *m, const float *vector, int64_t leading, int64_t k) {
    double scores = 0, beyond = 0;
    for (int64_t j = 0; j < m->dim; j++) scores += m->spread[j] * (double)vector[j] * vector[j];
    for (int64_t j = leading; j < m->dim; j++) beyond += m->spread[j];
    const double added = sqrt(beyond) * length(vector + leading, m->dim - leading);
    return !(added <= (sqrt(2 * log((double)(m->n + 1) / (double)k)) - SHORT) * sqrt(scores));
}

/* Quantise a query, turned; `given` is its length before. 2^-45 covers every rounding in double, here and in exact
   scores; 2^-19 those of `bound` in float32; and `turn` what turning did, of ‖turned row‖ ≤ scale (size + rest), or scale
   (size + rest + tail) by what leads. `codes` holds as many as all groups, and `small`; both are 0 at first. */
static Query asked(const Matrix *m, const float *vector, double given, int64_t k, int8_t *small, int16_t *codes) {
    const int64_t leading = m->groups * GROUP < m->dim ? m->groups * GROUP : m->dim, range = INT32_MAX / 127 / (m->dim + 1);
    const double finest = range < 32767 ? (double)range : 32767;
    const int all = wants_all(m, vector, leading, k);
    const int64_t first = all ? m->dim : leading;
    const double off = 2 * m->turn * given, size = length(vector, m->dim) + given + FLT_MIN;
    Query query = {small, codes, 0, all, 0, 0, 0, 0, 0, 0, length(vector, m->dim) + off + FLT_MIN};
    double rest;
    query.small_scale = quantise(vector, first, COARSE, COARSE, codes, &rest);
    for (int64_t j = 0; j < first; j++) query.moved += (NIBBLE + 1) * codes[j], small[j] = (int8_t)codes[j];
    rest = query.small_scale * rest * (1 + 0x1p-40) + off;
    query.small_rest = rounded_up(rest * (1 + 0x1p-19) + 0x1p-19 * size);
    query.head = rounded_up((length(vector, first) + off) * (1 + 0x1p-19) + FLT_MIN);
    query.tail = rounded_up((length(vector + first, m->dim - first) + off) * (1 + 0x1p-19));
    query.scale = quantise(vector, m->dim, finest, finest, codes, &rest);
    query.rest = query.scale * rest * (1 + 0x1p-40) + off + 0x1p-45 * size;
    return query;
}

/* One matrix asked with one query: every row's bound, NaN once it is bounded by all its codes and `found`. There is
   room for so many of these as are found: what is read of the memory of a large matrix stays little. */
typedef struct {
    const Instructions *run;
    const Matrix *matrix;
    const Query *query;
    float *high; /* [n], whole blocks */
    float *tops; /* [blocks], whole 16 */
    Found *found;
    int32_t *places; /* of those found that a wish allows, then rows */
    float *values;
    int64_t count, room;
    int failed;
} Search;

static void make_room(Search *s, int64_t room) {
    if (room <= s->room) return;
    Found *found = realloc(s->found, (size_t)(2 * room) * sizeof *found);
    if (found) s->found = found;
    int32_t *places = realloc(s->places, (size_t)(2 * room) * sizeof *places);
    if (places) s->places = places;
    float *values = realloc(s->values, (size_t)(2 * room) * sizeof *values);
    if (values) s->values = values;
    if (found && places && values) s->room = 2 * room;
    else s->failed = 1;
}

/* Settle the open rows whose bounds are at least `from`, and add their places after the n first; return how many then. */
static int64_t settled(Search *s, const uint8_t *open, float from, int64_t n) {
    const int64_t before = s->count;
    for (int64_t start = 0; start < blocks_of(s->matrix->n) && !s->failed; start += LANES) {
        make_room(s, s->count + LANES * LANES);
        if (!s->failed) s->count += s->run->reaching(s->matrix, s->high, s->tops, open, from, start, s->found + s->count);
    }
    s->run->settle(s->matrix, s->query, s->found + before, s->count - before);
    for (int64_t place = before; place < s->count; place++) s->places[n++] = (int32_t)place;
    return n;
}

/* A bound that some `many` open rows reach, judged by samples; −infinity where there may be fewer. */
static float cut(const Search *s, const uint8_t *open, int64_t many) {
    const int64_t n = s->matrix->n, blocks = blocks_of(n), step = (n / SAMPLE) | 1, stride = (blocks / SAMPLE) | 1;
    int64_t among = 0, asked = 0, count = 0;
    for (int64_t row = 0; row < n; row += step) among += open[row], asked++;
    for (int64_t b = 0; b < blocks; b += stride) s->values[count++] = s->tops[b];
    const double rank = 3 + (double)many * (double)asked / (double)(among + 1) * (double)count / (double)blocks;
    return (double)count < rank ? -INFINITY : kth_largest(s->values, count, (int64_t)rank);
}

static float kth_low(Search *s, int64_t n, int64_t k) {
    if (n < k) return -INFINITY;
    for (int64_t i = 0; i < n; i++) s->values[i] = s->found[s->places[i]].low;
    return kth_largest(s->values, n, k);
}

/* Keep those from `start` on of n places whose upper bounds are at least `least`; return how many there are then. */
static int64_t left_of(Search *s, int64_t start, int64_t n, float least) {
    int64_t kept = start;
    for (int64_t i = start; i < n; i++) {
        s->places[kept] = s->places[i];
        kept += s->found[s->places[i]].high >= least;
    }
    return kept;
}

/* Write every open row whose score can be among the k best to `places`; return how many. The k-th best lower bound of
   those settled already, or of some that promise most, says which others can reach; then that of all of these says which
   remain. */
static int64_t search(Search *s, const uint8_t *open, int64_t k) {
    int64_t n = 0;
    float from = NAN; /* nothing was looked for */
    for (int64_t i = 0; i < s->count; i++)
        if (open[s->found[i].row]) s->places[n++] = (int32_t)i;
    for (int64_t many = 2 * k + 32; n < k && from != -INFINITY; many *= 4) {
        from = cut(s, open, many);
        n = settled(s, open, from, n);
    }
    const float least = kth_low(s, n, k);
    const int64_t kept = left_of(s, 0, n, least);
    n = least >= from ? kept : left_of(s, kept, settled(s, open, least, kept), least);
    n = left_of(s, 0, n, kth_low(s, n, k));
    for (int64_t i = 0; i < n; i++) s->places[i] = s->found[s->places[i]].row;
    return n;
}

/* A pseudo-random number per row (splitmix64, Steele et al. 2014), as ranking.lots draws it. */
static uint64_t lot(int32_t row, uint64_t key) {
    uint64_t x = ((uint64_t)row + 1) * 0x9E3779B97F4A7C15 + key;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

typedef struct {
    float score;
    int32_t row;
    uint64_t lot;
} Ranked;

static int by_rank(const void *one, const void *other) {
    const Ranked *a = one, *b = other;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->lot < b->lot ? -1 : a->lot > b->lot;
}

/* Write the k best of n rows by exact scores, ties by lot, NaN left out; return how many, -1 without memory. `scratch`
   holds n floats. */
static int64_t ranked(const int32_t *rows, const float *scores, int64_t n, int64_t k, uint64_t key, float *scratch,
                      int32_t *best) {
    int64_t known = 0, kept = 0;
    for (int64_t i = 0; i < n; i++)
        if (scores[i] == scores[i]) scratch[known++] = scores[i];
    const float least = known > k ? kth_largest(scratch, known, k) : -INFINITY;
    Ranked *order = malloc((size_t)(known + 1) * sizeof *order);
    if (!order) return -1;
    for (int64_t i = 0; i < n; i++)
        if (scores[i] >= least) order[kept++] = (Ranked){scores[i], rows[i], lot(rows[i], key)};
    qsort(order, (size_t)kept, sizeof *order, by_rank);
    if (kept > k) kept = k;
    for (int64_t i = 0; i < kept; i++) best[i] = order[i].row;
    free(order);
    return kept;
}

/* Write the vector along the axes [dim, dim], or itself without; return whether it is finite. */
static int turn(const float *axes, const float *vector, int64_t dim, float *turned) {
    memcpy(turned, vector, (size_t)dim * sizeof *turned);
    if (axes) memset(turned, 0, (size_t)dim * sizeof *turned);
    for (int64_t i = 0; axes && i < dim; i++)
        for (int64_t j = 0; j < dim; j++) turned[j] += vector[i] * axes[i * dim + j];
    return largest(turned, dim) <= FLT_MAX;
}

/* Find, for each wish, its k best open rows, best first. `k` ≥ 1; `rows` [sum of k], one wish after another at `starts`;
   `counts` and `scanned` [n_wishes] say how many are found and how many the scan left. Returns 0, 1 where the turned
   vector is not finite, or -1 without memory. */
int cf_best(int level, const Matrix *matrix, const float *vectors, const float *bias, const float *axes,
            const float *vector, int64_t n_wishes, const uint8_t *const *open, const int64_t *k, uint64_t key,
            const int64_t *starts, int32_t *rows, int64_t *counts, int64_t *scanned) {
    const size_t blocks = (size_t)blocks_of(matrix->n), tops = (size_t)blocks_of((int64_t)blocks) * LANES;
    const size_t all = (size_t)((matrix->groups + matrix->more) * GROUP);
    int16_t *codes = calloc(all + 1, sizeof *codes);
    int8_t *small = calloc(all + 1, 1);
    float *turned = malloc((size_t)(matrix->dim + 1) * sizeof *turned);
    float *floats = malloc((blocks * LANES + tops + 1) * sizeof *floats), *scores = NULL;
    Search one = {instructions(level), matrix, NULL, floats, floats + blocks * LANES, NULL, NULL, NULL, 0, 0, 0};
    int finite = 1;
    make_room(&one, SAMPLE * 4);
    one.failed |= !(codes && small && turned && floats);
    if (!one.failed && (finite = turn(axes, vector, matrix->dim, turned))) {
        int64_t most = 1;
        for (int64_t w = 0; w < n_wishes; w++) most = k[w] > most ? k[w] : most;
        const Query query = asked(matrix, turned, length(vector, matrix->dim), most, small, codes);
        one.query = &query;
        one.run->bounds(matrix, &query, one.high, one.tops);
        for (int64_t w = 0; w < n_wishes && !one.failed; w++) {
            const int64_t n = scanned[w] = search(&one, open[w], k[w]);
            float *room = realloc(scores, (size_t)(n + 1) * sizeof *room);
            if (room) scores = room;
            one.failed |= !room || one.run->exact(vectors, bias, matrix->dim, vector, one.places, n, scores);
            counts[w] = one.failed ? -1 : ranked(one.places, scores, n, k[w], key, one.values, rows + starts[w]);
            one.failed |= counts[w] < 0;
        }
    }
    free(codes), free(small), free(turned), free(floats), free(scores), free(one.found), free(one.places), free(one.values);
    return one.failed ? -1 : !finite;
}
