/* The scan behind coldframe.scoring.kernel: int8 dot products with a bound, and exact scores of some rows.

   Owns arithmetic on arrays that the caller checked. Allocates scratch only, keeps nothing, knows no Python. The proof of
   the bound is in the docstring of bound.py; the layout of the codes in quantised.py.

   Never compile with -ffast-math: exact scores rely on IEEE arithmetic in the order written here. */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LANES 16 /* items per block */
#define GROUP 4  /* dimensions per group: one 32-bit lane */
#define PENDING 32
#define INLINE static inline __attribute__((always_inline))

typedef struct {
    int32_t row;
    float low, high;
} Found;

/* A row whose leading codes reach, until its other codes are here. */
typedef struct {
    int32_t row, dot;
} Pending;

typedef struct {
    const uint8_t *open; /* bool [n] */
    int64_t k;
    Found *found; /* capacity n */
    int64_t count, room;
    float least; /* the k-th best lower bound so far */
    int waiting;
    Pending pending[PENDING];
} Wish;

/* `tail` is ‖codes‖ of what is not in the block. */
typedef struct {
    float scale[LANES], bias[LANES], tail[LANES];
} Sides;

/* The largest of a block's 16 rows: ‖codes‖ and ‖row − scale · codes‖ ÷ scale. */
typedef struct {
    float size, rest;
} Limits;

typedef struct {
    const uint8_t *blocks; /* [ceil(n / 16)] of leading codes + 128 [groups][16][4], then Sides of 16 rows */
    const Limits *limits;  /* [ceil(n / 16)] */
    const int8_t *tails;   /* [n][tail] the other codes */
    int64_t n, groups, tail;
    double turn; /* |row · vector − turned row · turned vector| ≤ turn ‖row‖ ‖vector‖ */
} Matrix;

typedef struct {
    const int8_t *codes; /* [4 * groups + tail] */
    int32_t moved;       /* 128 × the sum of the leading ones: what the + 128 of a row's adds to a product */
    double scale, length, rest;
    float length_up, rest_up, tail_up; /* with room for rounding in float32; tail: scale × ‖codes‖ behind the leading */
} Query;

INLINE int64_t block_bytes(int64_t groups) { return groups * LANES * GROUP + (int64_t)sizeof(Sides); }
INLINE const Sides *sides_of(const uint8_t *block, int64_t groups) {
    return (const Sides *)(block + groups * LANES * GROUP);
}

/* Σ leading codes · query of one block's 16 items, exact in int32, and a float32 upper bound of each score, NaN where float32
   cannot say. */
typedef void (*Bounds)(const uint8_t *block, const Limits *limits, const Query *query, int64_t groups, int32_t *dots,
                       float *high);

/* Which of 16 bounds reach `least`, as bits; NaN does. */
typedef uint32_t (*Reach)(const float *high, float least);

INLINE float most_off(const Limits *limits, const Query *query) {
    return limits->size * query->rest_up + limits->rest * query->length_up;
}

INLINE void bounds_of_dots(const Sides *sides, const Limits *limits, const Query *query, const int32_t *dots,
                           float *high) {
    const float off = most_off(limits, query), scale = (float)query->scale;
    for (int lane = 0; lane < LANES; lane++) {
        const float bias = sides->bias[lane], room = fabsf(bias) * 0x1p-21f + 0x1p-100f;
        const float most = scale * (float)dots[lane] + (off + sides->tail[lane] * query->tail_up);
        high[lane] = bias + (room + sides->scale[lane] * most);
    }
}

INLINE void bounds_plain(const uint8_t *block, const Limits *limits, const Query *query, int64_t groups, int32_t *dots,
                         float *high) {
    for (int lane = 0; lane < LANES; lane++) dots[lane] = -query->moved;
    for (int64_t g = 0; g < groups; g++)
        for (int lane = 0; lane < LANES; lane++)
            for (int j = 0; j < GROUP; j++)
                dots[lane] += block[(g * LANES + lane) * GROUP + j] * query->codes[g * GROUP + j];
    bounds_of_dots(sides_of(block, groups), limits, query, dots, high);
}

/* Σ a · b of n codes behind the leading ones. */
typedef int32_t (*Rest)(const int8_t *a, const int8_t *b, int64_t n);

INLINE int32_t rest_plain(const int8_t *a, const int8_t *b, int64_t n) {
    int32_t sum = 0;
    for (int64_t j = 0; j < n; j++) sum += a[j] * b[j];
    return sum;
}

INLINE uint32_t reach_plain(const float *high, float least) {
    uint32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++) bits |= (uint32_t) !(high[lane] < least) << lane;
    return bits;
}

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,fma")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")))

AVX2 INLINE void bounds_avx2(const uint8_t *block, const Limits *limits, const Query *query, int64_t groups,
                             int32_t *dots, float *high) {
    __m256i sum[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int64_t g = 0; g < groups; g++) {
        int32_t four;
        memcpy(&four, query->codes + g * GROUP, sizeof four);
        const __m256i asked = _mm256_cvtepi8_epi16(_mm_set1_epi32(four));
        for (int part = 0; part < 4; part++) {
            const __m128i some = _mm_loadu_si128((const __m128i *)(block + (g * LANES + part * 4) * GROUP));
            sum[part] = _mm256_add_epi32(sum[part], _mm256_madd_epi16(_mm256_cvtepu8_epi16(some), asked));
        }
    }
    const __m256i moved = _mm256_set1_epi32(query->moved);
    for (int part = 0; part < 4; part += 2) {
        const __m256i whole = _mm256_permute4x64_epi64(_mm256_hadd_epi32(sum[part], sum[part + 1]), 0xD8);
        _mm256_storeu_si256((__m256i *)(dots + part * 4), _mm256_sub_epi32(whole, moved));
    }
    bounds_of_dots(sides_of(block, groups), limits, query, dots, high);
}

AVX2 INLINE int32_t rest_avx2(const int8_t *a, const int8_t *b, int64_t n) {
    __m256i sum = _mm256_setzero_si256();
    int64_t j = 0;
    for (; j + 16 <= n; j += 16) {
        const __m256i one = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(a + j)));
        const __m256i other = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(b + j)));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(one, other));
    }
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1));
    return _mm_cvtsi128_si32(four) + rest_plain(a + j, b + j, n - j);
}

AVX2 INLINE uint32_t reach_avx2(const float *high, float least) {
    const __m256 wanted = _mm256_set1_ps(least);
    const uint32_t first = (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(high), wanted, _CMP_NLT_UQ));
    return first | (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(high + 8), wanted, _CMP_NLT_UQ)) << 8;
}

VNNI INLINE __m512i vnni_step(__m512i sum, const uint8_t *block, const Query *query, int64_t g) {
    int32_t four;
    memcpy(&four, query->codes + g * GROUP, sizeof four);
    return _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(block + g * LANES * GROUP), _mm512_set1_epi32(four));
}

VNNI INLINE void bounds_vnni(const uint8_t *block, const Limits *limits, const Query *query, int64_t groups,
                             int32_t *dots, float *high) {
    __m512i a = _mm512_set1_epi32(-query->moved), b = _mm512_setzero_si512(), c = b, d = b;
    int64_t g = 0;
    for (; g + 3 < groups; g += 4) {
        a = vnni_step(a, block, query, g);
        b = vnni_step(b, block, query, g + 1);
        c = vnni_step(c, block, query, g + 2);
        d = vnni_step(d, block, query, g + 3);
    }
    for (; g < groups; g++) a = vnni_step(a, block, query, g);
    _mm512_storeu_si512(dots, _mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(c, d)));
    bounds_of_dots(sides_of(block, groups), limits, query, dots, high);
}

VNNI INLINE uint32_t reach_vnni(const float *high, float least) {
    return _mm512_cmp_ps_mask(_mm512_loadu_ps(high), _mm512_set1_ps(least), _CMP_NLT_UQ);
}
#else
#define AVX2
#define VNNI
#endif

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

/* Raise `least` to the k-th best lower bound found so far and drop what cannot reach it. */
static void sift(Wish *wish, float *scratch) {
    if (wish->count >= wish->k) {
        for (int64_t i = 0; i < wish->count; i++) scratch[i] = wish->found[i].low;
        wish->least = kth_largest(scratch, wish->count, wish->k);
    }
    int64_t kept = 0;
    for (int64_t i = 0; i < wish->count; i++)
        if (wish->found[i].high >= wish->least) wish->found[kept++] = wish->found[i];
    wish->count = kept;
    if (2 * kept > wish->room) wish->room = 4 * kept;
}

/* The open ones of up to 16 rows, as bits. */
INLINE uint32_t open_bits(const uint8_t *open, int64_t lanes) {
    uint64_t halves[2] = {0, 0};
    memcpy(halves, open, (size_t)(lanes < LANES ? lanes : LANES));
    const uint64_t first = (halves[0] * 0x0102040810204080) >> 56, second = (halves[1] * 0x0102040810204080) >> 56;
    return (uint32_t)(first | second << 8);
}

/* Score the rows that wait by all their codes, and keep those that still reach. */
INLINE void settle(Wish *wish, const Matrix *m, const Query *query, float *scratch, const Rest rest) {
    const int64_t step = block_bytes(m->groups);
    const int8_t *codes = query->codes + m->groups * GROUP;
    for (int i = 0; i < wish->waiting; i++) {
        const int64_t row = wish->pending[i].row, lane = row % LANES;
        const Limits *limits = m->limits + row / LANES;
        const Sides *sides = sides_of(m->blocks + row / LANES * step, m->groups);
        const int8_t *tail = m->tails + row * m->tail;
        const int32_t dot = wish->pending[i].dot + rest(tail, codes, m->tail);
        const double bias = sides->bias[lane], scale = sides->scale[lane];
        const double off = scale * (limits->size * query->rest + limits->rest * query->length) + fabs(bias) * 0x1p-48;
        const double middle = bias + scale * query->scale * (double)dot;
        const float high = (float)(middle + off);
        if (high >= wish->least) wish->found[wish->count++] = (Found){(int32_t)row, (float)(middle - off), high};
    }
    wish->waiting = 0;
    if (wish->count >= wish->room) sift(wish, scratch);
}

INLINE void scan_with(const Matrix *m, const Query *query, Wish *wishes, int64_t n_wishes, float *scratch,
                      const Bounds bounds, const Reach reach, const Rest rest) {
    const int64_t step = block_bytes(m->groups);
    for (int64_t start = 0; start < m->n; start += LANES) {
        const uint8_t *block = m->blocks + start / LANES * step;
        const Limits *limits = m->limits + start / LANES;
        int known = 0;
        int32_t dots[LANES];
        float high[LANES];
        for (int64_t w = 0; w < n_wishes; w++) {
            Wish *wish = wishes + w;
            uint32_t bits = open_bits(wish->open + start, m->n - start);
            if (!bits) continue;
            if (!known) bounds(block, limits, query, m->groups, dots, high), known = 1;
            for (bits &= reach(high, wish->least); bits; bits &= bits - 1) {
                const int lane = __builtin_ctz(bits);
                for (int64_t j = 0; j < m->tail; j += 64) __builtin_prefetch(m->tails + (start + lane) * m->tail + j);
                wish->pending[wish->waiting++] = (Pending){(int32_t)(start + lane), dots[lane]};
                if (wish->waiting == PENDING) settle(wish, m, query, scratch, rest);
            }
        }
    }
    for (int64_t w = 0; w < n_wishes; w++) {
        settle(wishes + w, m, query, scratch, rest);
        sift(wishes + w, scratch);
    }
}

static void scan_plain(const Matrix *m, const Query *q, Wish *w, int64_t n_w, float *s) { scan_with(m, q, w, n_w, s, bounds_plain, reach_plain, rest_plain); }
#if defined(__x86_64__)
AVX2 static void scan_avx2(const Matrix *m, const Query *q, Wish *w, int64_t n_w, float *s) { scan_with(m, q, w, n_w, s, bounds_avx2, reach_avx2, rest_avx2); }
VNNI static void scan_vnni(const Matrix *m, const Query *q, Wish *w, int64_t n_w, float *s) { scan_with(m, q, w, n_w, s, bounds_vnni, reach_vnni, rest_avx2); }
#endif

/* What this processor can do: 0 plain C, 1 AVX2, 2 AVX-512 with VNNI. */
int cf_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

static float rounded_up(double value) {
    const float near = (float)value;
    return (double)near < value ? nextafterf(near, INFINITY) : near;
}

/* The largest |value| of a row; infinite or NaN where one is. Bits of positive floats are in the order of the floats. */
INLINE float largest(const float *row, int64_t dim) {
    uint32_t most = 0;
    for (int64_t j = 0; j < dim; j++) {
        uint32_t bits;
        memcpy(&bits, row + j, sizeof bits);
        bits &= 0x7FFFFFFF;
        most = bits > most ? bits : most;
    }
    float value;
    memcpy(&value, &most, sizeof value);
    return value;
}

/* Write the codes, −127 … 127, and limits of a row whose `largest` is finite; return the scale, which is never 0. */
INLINE float quantise_row(const float *row, int64_t dim, float most, int8_t *codes, Limits *limits) {
    const float scale = fmaxf(most / 127.0f, 0x1p-100f);
    const double inverse = 1 / (double)scale;
    double missed[8] = {0};
    int64_t squares = 0;
    for (int64_t start = 0; start < dim; start += 8) {
        const int64_t few = dim - start < 8 ? dim - start : 8;
        double values[8] = {0}, near[8];
        int32_t whole[8];
        for (int64_t j = 0; j < few; j++) values[j] = (double)row[start + j] * inverse;
        for (int j = 0; j < 8; j++) near[j] = rint(values[j]);
        for (int j = 0; j < 8; j++) near[j] = near[j] > 127 ? 127 : near[j];
        for (int j = 0; j < 8; j++) near[j] = near[j] < -127 ? -127 : near[j];
        for (int j = 0; j < 8; j++) missed[j] += (values[j] - near[j]) * (values[j] - near[j]);
        for (int j = 0; j < 8; j++) whole[j] = (int32_t)near[j];
        for (int j = 0; j < 8; j++) squares += whole[j] * whole[j];
        for (int64_t j = 0; j < few; j++) codes[start + j] = (int8_t)whole[j];
    }
    for (int j = 1; j < 8; j++) missed[0] += missed[j];
    limits->size = rounded_up(sqrt((double)squares) * (1 + 0x1p-40));
    limits->rest = rounded_up(sqrt(missed[0]) * (1 + 0x1p-40) + 0x1p-20);
    return scale;
}

/* ‖codes‖, rounded up. */
static double length_of(const int8_t *codes, int64_t n) {
    int64_t squares = 0;
    for (int64_t j = 0; j < n; j++) squares += codes[j] * codes[j];
    return sqrt((double)squares) * (1 + 0x1p-40);
}

INLINE void quantise_with(const float *vectors, const float *bias, int64_t n, int64_t dim, int64_t groups,
                          uint8_t *blocks, Limits *limits, int8_t *tails, int8_t *codes) {
    const int64_t tail = dim > groups * GROUP ? dim - groups * GROUP : 0;
    for (int64_t i = 0; i < n; i++) {
        uint8_t *block = blocks + i / LANES * block_bytes(groups);
        Sides *sides = (Sides *)(block + groups * LANES * GROUP);
        const int64_t lane = i % LANES;
        const float own = bias ? bias[i] : 0;
        Limits said = {0, INFINITY};
        float scale = 1;
        memset(codes, 0, (size_t)(groups * GROUP + tail));
        const float most = largest(vectors + i * dim, dim);
        if (most <= FLT_MAX && fabsf(own) <= FLT_MAX) {
            scale = quantise_row(vectors + i * dim, dim, most, codes, &said);
            sides->bias[lane] = own;
        }
        sides->scale[lane] = scale;
        sides->tail[lane] = rounded_up(length_of(codes + groups * GROUP, tail));
        memcpy(tails + i * tail, codes + groups * GROUP, (size_t)tail);
        limits[i / LANES].size = fmaxf(limits[i / LANES].size, said.size);
        limits[i / LANES].rest = fmaxf(limits[i / LANES].rest, said.rest);
        for (int64_t g = 0; g < groups; g++) {
            uint32_t four;
            memcpy(&four, codes + g * GROUP, sizeof four);
            four ^= 0x80808080;
            memcpy(block + (g * LANES + lane) * GROUP, &four, sizeof four);
        }
    }
}

#if defined(__x86_64__)
AVX2 static void quantise_avx2(const float *v, const float *b, int64_t n, int64_t d, int64_t g, uint8_t *o, Limits *l,
                               int8_t *t, int8_t *c) {
    quantise_with(v, b, n, d, g, o, l, t, c);
}
VNNI static void quantise_vnni(const float *v, const float *b, int64_t n, int64_t d, int64_t g, uint8_t *o, Limits *l,
                               int8_t *t, int8_t *c) {
    quantise_with(v, b, n, d, g, o, l, t, c);
}
#endif

/* The bytes of the blocks of n rows with so many groups of leading codes. */
int64_t cf_bytes(int64_t n, int64_t groups) { return (n + LANES - 1) / LANES * block_bytes(groups); }

/* Quantise vectors [n, dim] into blocks and limits zeroed by the caller, and tails. A row or bias that is not finite
   gets an infinite rest, so that it always is found and scored exactly. Returns 0, or -1 without memory. */
int cf_quantise(int level, const float *vectors, const float *bias, int64_t n, int64_t dim, int64_t groups,
                uint8_t *blocks, Limits *limits, int8_t *tails) {
    int8_t *codes = malloc((size_t)dim + GROUP);
    if (!codes) return -1;
#if defined(__x86_64__)
    if (level == 2) quantise_vnni(vectors, bias, n, dim, groups, blocks, limits, tails, codes);
    else if (level == 1) quantise_avx2(vectors, bias, n, dim, groups, blocks, limits, tails, codes);
    else
#endif
        quantise_with(vectors, bias, n, dim, groups, blocks, limits, tails, codes);
    (void)level;
    free(codes);
    return 0;
}

/* ‖query‖ and ‖query − scale · codes‖ from above. 2^-45 covers every rounding in double, here and in exact scores;
   2^-19 and 2^-20 those of `bounds_of_dots` in float32; and `turn` what turning did, of ‖row‖ ≤ scale (size + rest). */
static Query asked(const Matrix *matrix, const float *vector, int64_t dim, int8_t *codes) {
    Limits limits;
    Query query = {codes, 0, 0, 0, 0, 0, 0, 0};
    double squares = 0;
    query.scale = quantise_row(vector, dim, largest(vector, dim), codes, &limits);
    for (int64_t j = 0; j < dim; j++) squares += (double)vector[j] * (double)vector[j];
    for (int64_t j = 0; j < matrix->groups * GROUP; j++) query.moved += 128 * codes[j];
    const double length = sqrt(squares) * (1 + 0x1p-40) * (1 + matrix->turn) + FLT_MIN;
    query.length = length * (1 + 2 * matrix->turn);
    query.rest = query.scale * (double)limits.rest * (1 + 0x1p-40) + (0x1p-45 + 2 * matrix->turn) * length;
    query.length_up = rounded_up(query.length * (1 + 0x1p-19));
    query.rest_up = rounded_up(query.rest * (1 + 0x1p-19) + 0x1p-20 * length);
    query.tail_up = rounded_up(query.scale * length_of(codes + matrix->groups * GROUP, matrix->tail) * (1 + 0x1p-19));
    return query;
}

/* Find, for each wish, every open row whose score can be among its k best, for a finite query. `scratch` [n]. */
static void scan(int level, const Matrix *matrix, const Query *query, Wish *wishes, int64_t n_wishes, float *scratch) {
#if defined(__x86_64__)
    if (level == 2) scan_vnni(matrix, query, wishes, n_wishes, scratch);
    else if (level == 1) scan_avx2(matrix, query, wishes, n_wishes, scratch);
    else
#endif
        scan_plain(matrix, query, wishes, n_wishes, scratch);
    (void)level;
}

/* Products in double are exact; they are added in halves: p[j] += p[j + w / 2] for w = width … 2, width the least power
   of two ≥ dim. NumPy does the very same in exact.py. `sums` holds width / 2 doubles (1 at least). */
INLINE double dot_in_halves(const float *row, const double *vector, int64_t dim, int64_t width, double *sums) {
    if (width == 1) return (double)row[0] * vector[0];
    int64_t half = width / 2;
    const int64_t both = dim - half;
    for (int64_t j = 0; j < both; j++) sums[j] = (double)row[j] * vector[j] + (double)row[j + half] * vector[j + half];
    for (int64_t j = both; j < half; j++) sums[j] = (double)row[j] * vector[j];
    for (half /= 2; half >= 1; half /= 2)
        for (int64_t j = 0; j < half; j++) sums[j] += sums[j + half];
    return sums[0];
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
        if (rows && i + 4 < n) __builtin_prefetch(vectors + (int64_t)rows[i + 4] * dim);
        const double sum = dot_in_halves(vectors + row * dim, asked, dim, width, sums);
        scores[i] = (float)(bias ? (double)bias[row] + sum : sum);
    }
    free(sums);
    return 0;
}

#if defined(__x86_64__)
AVX2 static int exact_avx2(const float *v, const float *b, int64_t d, const float *u, const int32_t *r, int64_t n, float *s) { return exact_with(v, b, d, u, r, n, s); }
VNNI static int exact_vnni(const float *v, const float *b, int64_t d, const float *u, const int32_t *r, int64_t n, float *s) { return exact_with(v, b, d, u, r, n, s); }
#endif

/* Write the exact scores of some rows (of all n without `rows`). Returns 0, or -1 without memory. */
int cf_exact(int level, const float *vectors, const float *bias, int64_t dim, const float *vector, const int32_t *rows, int64_t n, float *scores) {
#if defined(__x86_64__)
    if (level == 2) return exact_vnni(vectors, bias, dim, vector, rows, n, scores);
    if (level == 1) return exact_avx2(vectors, bias, dim, vector, rows, n, scores);
#endif
    return exact_with(vectors, bias, dim, vector, rows, n, scores);
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

/* Write the k best of what a scan found by exact scores, ties by lot, NaN left out; return how many. `scores` and
   `scratch` hold as many floats as were found. */
static int64_t ranked(const Wish *wish, const float *scores, uint64_t key, float *scratch, int32_t *rows) {
    int64_t n = 0, kept = 0;
    for (int64_t i = 0; i < wish->count; i++)
        if (scores[i] == scores[i]) scratch[n++] = scores[i];
    const float least = n > wish->k ? kth_largest(scratch, n, wish->k) : -INFINITY;
    Ranked *best = malloc((size_t)(n + 1) * sizeof *best);
    if (!best) return -1;
    for (int64_t i = 0; i < wish->count; i++)
        if (scores[i] >= least) best[kept++] = (Ranked){scores[i], wish->found[i].row, lot(wish->found[i].row, key)};
    qsort(best, (size_t)kept, sizeof *best, by_rank);
    if (kept > wish->k) kept = wish->k;
    for (int64_t i = 0; i < kept; i++) rows[i] = best[i].row;
    free(best);
    return kept;
}

/* Find, for each wish, its k best open rows, best first, for a finite query. `k` ≥ 1; `rows` [sum of k], one wish after
   another at `starts`; `counts` and `scanned` [n_wishes] say how many are found and how many the scan left. Returns 0, or
   -1 without memory. */
int cf_best(int level, const Matrix *matrix, const float *vectors, const float *bias, int64_t dim, const float *vector,
            const float *turned, int64_t n_wishes, const uint8_t *const *open, const int64_t *k, uint64_t key, const int64_t *starts,
            int32_t *rows, int64_t *counts, int64_t *scanned) {
    int8_t *codes = calloc((size_t)(matrix->groups * GROUP + matrix->tail + GROUP), 1);
    float *scratch = malloc((size_t)(matrix->n + 1) * 2 * sizeof *scratch);
    int32_t *found = malloc((size_t)(matrix->n + 1) * sizeof *found);
    Wish *wishes = calloc((size_t)n_wishes, sizeof *wishes);
    Found *room = malloc((size_t)(n_wishes * matrix->n + 1) * sizeof *room);
    int failed = !(codes && scratch && found && wishes && room);
    if (!failed) {
        const Query query = asked(matrix, turned, dim, codes);
        for (int64_t w = 0; w < n_wishes; w++)
            wishes[w] = (Wish){open[w], k[w], room + w * matrix->n, 0, 4 * k[w] + 64, -INFINITY, 0, {{0, 0}}};
        scan(level, matrix, &query, wishes, n_wishes, scratch);
        float *scores = scratch + matrix->n + 1;
        for (int64_t w = 0; w < n_wishes && !failed; w++) {
            scanned[w] = wishes[w].count;
            for (int64_t i = 0; i < scanned[w]; i++) found[i] = wishes[w].found[i].row;
            failed = cf_exact(level, vectors, bias, dim, vector, found, scanned[w], scores);
            counts[w] = failed ? -1 : ranked(wishes + w, scores, key, scratch, rows + starts[w]);
            failed |= counts[w] < 0;
        }
    }
    free(codes), free(scratch), free(found), free(wishes), free(room);
    return failed ? -1 : 0;
}
