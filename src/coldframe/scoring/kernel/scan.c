/* The scan behind coldframe.scoring.kernel: int8 dot products with a bound, and exact scores of some rows.

   Owns arithmetic on arrays that the caller checked. Allocates scratch only, keeps nothing, knows no Python. The proof of
   the bound is in the docstring of matrix.py.

   Never compile with -ffast-math: exact scores rely on IEEE arithmetic in the order written here. */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LANES 16 /* items per block */
#define GROUP 4  /* dimensions per group: one 32-bit lane */
#define COARSE 64 /* the largest code of a query's leading part: two products with 255 fit into 16 bits */
#define SAMPLE 2048 /* rows whose bounds say where to cut first */
#define AHEAD 8  /* rows whose codes are fetched before their turn */
#define NEXT 2   /* rows whose floats are */
#define INLINE static inline __attribute__((always_inline))

/* What is known of one row besides its codes: ‖codes‖, and ‖row − scale · codes‖ ÷ scale. */
typedef struct {
    float scale, bias, size, rest;
} Row;

/* A row whose score lies in low … high. */
typedef struct {
    int32_t row;
    float low, high;
} Found;

/* Of a block's 16 rows; `tail` is ‖codes‖ of what is not in the block. */
typedef struct {
    float scale[LANES], bias[LANES], tail[LANES];
} Sides;

/* The largest of a block's 16 rows: ‖codes‖ of the leading ones, and ‖row − scale · codes‖ ÷ scale. */
typedef struct {
    float size, rest;
} Limits;

typedef struct {
    const uint8_t *blocks; /* [ceil(n / 16)] of leading codes + 128 [groups][16][4], then Sides of 16 rows */
    const Limits *limits;  /* [ceil(n / 16)] */
    const int8_t *codes;   /* [n][dim] */
    const Row *rows;       /* [n] */
    int64_t n, groups, dim;
    double turn; /* |row · vector − turned row · turned vector| ≤ turn ‖row‖ ‖vector‖ */
} Matrix;

/* `leading` are coarse codes of what leads, `codes` fine ones of everything; `moved` is 128 × the sum of the leading ones:
   what the + 128 of a row's adds to a product. Those in float32 have room for their rounding. */
typedef struct {
    const int8_t *leading; /* [4 * groups] */
    const int16_t *codes;  /* [dim] */
    int32_t moved;
    float leading_scale, leading_rest, tail, length_up;
    double scale, rest, length;
} Query;

INLINE int64_t block_bytes(int64_t groups) { return groups * LANES * GROUP + (int64_t)sizeof(Sides); }
INLINE const Sides *sides_of(const uint8_t *block, int64_t groups) {
    return (const Sides *)(block + groups * LANES * GROUP);
}

/* Σ leading codes · query of one block's 16 rows, exact in int32. */
typedef void (*Dots)(const uint8_t *block, const Query *query, int64_t groups, int32_t *dots);

INLINE void dots_plain(const uint8_t *block, const Query *query, int64_t groups, int32_t *dots) {
    for (int lane = 0; lane < LANES; lane++) dots[lane] = -query->moved;
    for (int64_t g = 0; g < groups; g++)
        for (int lane = 0; lane < LANES; lane++)
            for (int j = 0; j < GROUP; j++)
                dots[lane] += block[(g * LANES + lane) * GROUP + j] * query->leading[g * GROUP + j];
}

/* Σ codes · query of one row, exact in int32. */
typedef int32_t (*Dot)(const int8_t *row, const int16_t *query, int64_t dim);

INLINE int32_t dot_plain(const int8_t *row, const int16_t *query, int64_t dim) {
    int32_t sum = 0;
    for (int64_t j = 0; j < dim; j++) sum += row[j] * query[j];
    return sum;
}

/* Which of 16 bounds are at least `from` and not at least `below`, as bits; NaN is never. `below` may be NaN. */
typedef uint32_t (*Between)(const float *high, float from, float below);

INLINE uint32_t between_plain(const float *high, float from, float below) {
    uint32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++) bits |= (uint32_t)(high[lane] >= from && !(high[lane] >= below)) << lane;
    return bits;
}

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,fma")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")))

/* Two products of codes at most 255 and 64 fit into 16 bits, so that nothing saturates. */
AVX2 INLINE void dots_avx2(const uint8_t *block, const Query *query, int64_t groups, int32_t *dots) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i first = _mm256_set1_epi32(-query->moved), second = first;
    for (int64_t g = 0; g < groups; g++) {
        int32_t four;
        memcpy(&four, query->leading + g * GROUP, sizeof four);
        const __m256i asked = _mm256_set1_epi32(four);
        const __m256i *some = (const __m256i *)(block + g * LANES * GROUP);
        const __m256i one = _mm256_maddubs_epi16(_mm256_loadu_si256(some), asked);
        const __m256i other = _mm256_maddubs_epi16(_mm256_loadu_si256(some + 1), asked);
        first = _mm256_add_epi32(first, _mm256_madd_epi16(one, ones));
        second = _mm256_add_epi32(second, _mm256_madd_epi16(other, ones));
    }
    _mm256_storeu_si256((__m256i *)dots, first);
    _mm256_storeu_si256((__m256i *)(dots + 8), second);
}

AVX2 INLINE int32_t dot_avx2(const int8_t *row, const int16_t *query, int64_t dim) {
    __m256i sum = _mm256_setzero_si256();
    int64_t j = 0;
    for (; j + 16 <= dim; j += 16) {
        const __m256i codes = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(row + j)));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(codes, _mm256_loadu_si256((const __m256i *)(query + j))));
    }
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1));
    return _mm_cvtsi128_si32(four) + dot_plain(row + j, query + j, dim - j);
}

AVX2 INLINE uint32_t between_avx2(const float *high, float from, float below) {
    const __m256 least = _mm256_set1_ps(from), most = _mm256_set1_ps(below);
    uint32_t bits = 0;
    for (int half = 0; half < 2; half++) {
        const __m256 some = _mm256_loadu_ps(high + 8 * half);
        const __m256 inside = _mm256_and_ps(_mm256_cmp_ps(some, least, _CMP_GE_OQ), _mm256_cmp_ps(some, most, _CMP_NGE_UQ));
        bits |= (uint32_t)_mm256_movemask_ps(inside) << 8 * half;
    }
    return bits;
}

VNNI INLINE __m512i vnni_step(__m512i sum, const uint8_t *block, const Query *query, int64_t g) {
    int32_t four;
    memcpy(&four, query->leading + g * GROUP, sizeof four);
    return _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(block + g * LANES * GROUP), _mm512_set1_epi32(four));
}

VNNI INLINE void dots_vnni(const uint8_t *block, const Query *query, int64_t groups, int32_t *dots) {
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
}

VNNI INLINE uint32_t between_vnni(const float *high, float from, float below) {
    const __m512 some = _mm512_loadu_ps(high);
    return _mm512_cmp_ps_mask(some, _mm512_set1_ps(from), _CMP_GE_OQ) & _mm512_cmp_ps_mask(some, _mm512_set1_ps(below), _CMP_NGE_UQ);
}
#else
#define AVX2
#define VNNI
#endif

/* Write a float32 upper bound of every row's score, from its leading codes, infinite where float32 cannot say; and the
   largest of each block. */
INLINE void bounds_with(const Matrix *m, const Query *query, float *high, float *tops, const Dots dots_of) {
    const float scale = query->leading_scale;
    for (int64_t b = 0; b < (m->n + LANES - 1) / LANES; b++, high += LANES) {
        const uint8_t *block = m->blocks + b * block_bytes(m->groups);
        const Sides *sides = sides_of(block, m->groups);
        const float off = m->limits[b].size * query->leading_rest + m->limits[b].rest * query->length_up;
        int32_t dots[LANES];
        dots_of(block, query, m->groups, dots);
        for (int lane = 0; lane < LANES; lane++) {
            const float bias = sides->bias[lane], room = fabsf(bias) * 0x1p-21f + 0x1p-100f;
            const float most = scale * (float)dots[lane] + (off + sides->tail[lane] * query->tail);
            const float bound = bias + (room + sides->scale[lane] * most);
            high[lane] = fabsf(bound) <= FLT_MAX ? bound : INFINITY; /* minus infinity is an overflow, too */
        }
        float top = high[0];
        for (int lane = 1; lane < LANES; lane++) top = top > high[lane] ? top : high[lane];
        tops[b] = top;
    }
}

/* Write the open rows whose bounds are at least `from` and not at least `below`; return how many. */
INLINE int64_t reaching_with(const float *high, const float *tops, const uint8_t *open, int64_t n, float from, float below,
                             int32_t *rows, const Between between) {
    int64_t count = 0;
    for (int64_t start = 0; start < n; start += LANES)
        for (uint32_t bits = tops[start / LANES] < from ? 0 : between(high + start, from, below); bits; bits &= bits - 1) {
            const int64_t row = start + __builtin_ctz(bits);
            if (row < n && open[row]) rows[count++] = (int32_t)row;
        }
    return count;
}

/* Bound the scores of some rows by all their codes. */
INLINE void settle_with(const Matrix *m, const Query *query, const int32_t *rows, int64_t n, Found *found, const Dot dot) {
    for (int64_t i = 0; i < n; i++) {
        if (i + AHEAD < n) {
            __builtin_prefetch(m->rows + rows[i + AHEAD]);
            for (int64_t j = 0; j < m->dim; j += 64) __builtin_prefetch(m->codes + rows[i + AHEAD] * m->dim + j);
        }
        const Row *row = m->rows + rows[i];
        const double bias = row->bias, scale = row->scale;
        const double off = scale * (row->size * query->rest + row->rest * query->length) + fabs(bias) * 0x1p-48;
        const double middle = bias + scale * query->scale * (double)dot(m->codes + rows[i] * m->dim, query->codes, m->dim);
        found[i] = (Found){rows[i], (float)(middle - off), (float)(middle + off)};
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

INLINE double square(double value) { return value * value; }

/* Write the codes, −range … range, of values whose `most`, the largest |value|, is finite, and `rest` =
   ‖values − scale · codes‖ ÷ scale from above; return the scale, which is never 0. */
INLINE float quantise(const float *values, int64_t n, float most, int32_t range, int16_t *codes, double *rest) {
    const float scale = fmaxf((float)(most / (double)range), 0x1p-100f);
    const double inverse = 1 / (double)scale;
    double missed[8] = {0};
    for (int64_t j = 0; j < n; j++) {
        const int32_t near = (int32_t)rint((double)values[j] * inverse), low = near < range ? near : range;
        codes[j] = (int16_t)(low > -range ? low : -range);
    }
    for (int64_t start = 0; start < n; start += 8) {
        const int64_t few = n - start < 8 ? n - start : 8;
        for (int64_t j = 0; j < few; j++) missed[j] += square((double)values[start + j] * inverse - codes[start + j]);
    }
    for (int j = 1; j < 8; j++) missed[0] += missed[j];
    *rest = sqrt(missed[0]) * (1 + 0x1p-40) + 0x1p-20;
    return scale;
}

/* ‖codes‖² of codes in −127 … 127, which int32 holds for all that a matrix may have. */
INLINE int32_t squares_of(const int16_t *codes, int64_t n) {
    int32_t squares = 0;
    for (int64_t j = 0; j < n; j++) squares += codes[j] * codes[j];
    return squares;
}

INLINE float root_up(int32_t squares) { return rounded_up(sqrt((double)squares) * (1 + 0x1p-40)); }

INLINE void put_in_block(uint8_t *block, int64_t lane, const int8_t *codes, int64_t leading, int64_t groups) {
    for (int64_t g = 0; g < groups; g++, block += LANES * GROUP) {
        uint32_t four = 0;
        if ((g + 1) * GROUP <= leading) memcpy(&four, codes + g * GROUP, GROUP);
        else memcpy(&four, codes + g * GROUP, (size_t)(leading - g * GROUP));
        four ^= 0x80808080; /* each byte + 128 */
        memcpy(block + lane * GROUP, &four, GROUP);
    }
}

INLINE void quantise_with(const float *vectors, const float *bias, int64_t n, int64_t dim, int64_t groups, uint8_t *blocks,
                          Limits *limits, int8_t *codes, Row *rows, int16_t *scratch) {
    const int64_t leading = groups * GROUP < dim ? groups * GROUP : dim;
    for (int64_t i = 0; i < n; i++, codes += dim, vectors += dim) {
        uint8_t *block = blocks + i / LANES * block_bytes(groups);
        Sides *sides = (Sides *)(block + groups * LANES * GROUP);
        Limits *limit = limits + i / LANES;
        const int64_t lane = i % LANES;
        const float own = bias ? bias[i] : 0;
        Row row = {1, 0, 0, INFINITY};
        const float most = largest(vectors, dim);
        memset(scratch, 0, (size_t)dim * sizeof *scratch);
        if (most <= FLT_MAX && fabsf(own) <= FLT_MAX) {
            double rest;
            row.scale = quantise(vectors, dim, most, 127, scratch, &rest);
            row.rest = rounded_up(rest);
            row.bias = own;
        }
        for (int64_t j = 0; j < dim; j++) codes[j] = (int8_t)scratch[j];
        const int32_t first = squares_of(scratch, leading), others = squares_of(scratch + leading, dim - leading);
        row.size = root_up(first + others);
        rows[i] = row;
        sides->scale[lane] = row.scale;
        sides->bias[lane] = row.bias;
        sides->tail[lane] = root_up(others);
        limit->size = fmaxf(limit->size, root_up(first));
        limit->rest = fmaxf(limit->rest, row.rest);
        put_in_block(block, lane, codes, leading, groups);
    }
}

/* What runs on one kind of processor. */
typedef struct {
    void (*bounds)(const Matrix *, const Query *, float *, float *);
    int64_t (*reaching)(const float *, const float *, const uint8_t *, int64_t, float, float, int32_t *);
    void (*settle)(const Matrix *, const Query *, const int32_t *, int64_t, Found *);
    int (*exact)(const float *, const float *, int64_t, const float *, const int32_t *, int64_t, float *);
    void (*quantise)(const float *, const float *, int64_t, int64_t, int64_t, uint8_t *, Limits *, int8_t *, Row *, int16_t *);
} Instructions;

#define INSTRUCTIONS(name, TARGET, dots, dot, between)                                                                       \
    TARGET static void bounds_##name(const Matrix *m, const Query *q, float *h, float *t) { bounds_with(m, q, h, t, dots); }         \
    TARGET static int64_t reaching_##name(const float *h, const float *t, const uint8_t *o, int64_t n, float f, float b, int32_t *r) {        \
        return reaching_with(h, t, o, n, f, b, r, between);                                                                     \
    }                                                                                                                        \
    TARGET static void settle_##name(const Matrix *m, const Query *q, const int32_t *r, int64_t n, Found *f) {                \
        settle_with(m, q, r, n, f, dot);                                                                                     \
    }                                                                                                                        \
    TARGET static int exact_##name(const float *v, const float *b, int64_t d, const float *u, const int32_t *r, int64_t n,    \
                                   float *s) {                                                                               \
        return exact_with(v, b, d, u, r, n, s);                                                                              \
    }                                                                                                                        \
    TARGET static void quantise_##name(const float *v, const float *b, int64_t n, int64_t d, int64_t g, uint8_t *o,           \
                                       Limits *l, int8_t *c, Row *r, int16_t *s) {                                           \
        quantise_with(v, b, n, d, g, o, l, c, r, s);                                                                         \
    }                                                                                                                        \
    static const Instructions name = {bounds_##name, reaching_##name, settle_##name, exact_##name, quantise_##name};

INSTRUCTIONS(in_c, , dots_plain, dot_plain, between_plain)
#if defined(__x86_64__)
INSTRUCTIONS(in_avx2, AVX2, dots_avx2, dot_avx2, between_avx2)
INSTRUCTIONS(in_vnni, VNNI, dots_vnni, dot_avx2, between_vnni)
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
int64_t cf_bytes(int64_t n, int64_t groups) { return (n + LANES - 1) / LANES * block_bytes(groups); }

/* Quantise vectors [n, dim] into blocks and limits zeroed by the caller, codes and rows. A row or bias that is not finite
   gets an infinite rest, so that it always is found and scored exactly. Returns 0, or -1 without memory. */
int cf_quantise(int level, const float *vectors, const float *bias, int64_t n, int64_t dim, int64_t groups, uint8_t *blocks,
                Limits *limits, int8_t *codes, Row *rows) {
    int16_t *scratch = malloc((size_t)dim * sizeof *scratch + 1);
    if (!scratch) return -1;
    instructions(level)->quantise(vectors, bias, n, dim, groups, blocks, limits, codes, rows, scratch);
    free(scratch);
    return 0;
}

/* Write the exact scores of some rows (of all n without `rows`). Returns 0, or -1 without memory. */
int cf_exact(int level, const float *vectors, const float *bias, int64_t dim, const float *vector, const int32_t *rows,
             int64_t n, float *scores) {
    return instructions(level)->exact(vectors, bias, dim, vector, rows, n, scores);
}

static double length(const float *values, int64_t n) {
    double squares = 0;
    for (int64_t j = 0; j < n; j++) squares += (double)values[j] * (double)values[j];
    return sqrt(squares) * (1 + 0x1p-40);
}

/* Quantise a query. 2^-45 covers every rounding in double, here and in exact scores; 2^-19 those of `bounds_with` in
   float32; and `turn` what turning did, of ‖row‖ ≤ scale (size + rest). `codes` holds as many as the matrix' blocks have
   leading ones, rounded up, and dim; `leading` the former; both are 0 at first. */
static Query asked(const Matrix *m, const float *vector, int8_t *leading, int16_t *codes) {
    const int64_t first = m->groups * GROUP < m->dim ? m->groups * GROUP : m->dim, range = INT32_MAX / 127 / (m->dim + 1);
    const double size = length(vector, m->dim) * (1 + m->turn) + FLT_MIN;
    Query query = {leading, codes, 0, 0, 0, 0, 0, 0, 0, size * (1 + 2 * m->turn)};
    double rest;
    query.leading_scale = quantise(vector, first, largest(vector, first), COARSE, codes, &rest);
    for (int64_t j = 0; j < first; j++) query.moved += 128 * codes[j], leading[j] = (int8_t)codes[j];
    rest = query.leading_scale * rest * (1 + 0x1p-40) + 2 * m->turn * size;
    query.leading_rest = rounded_up(rest * (1 + 0x1p-19) + 0x1p-19 * size);
    query.tail = rounded_up((length(vector + first, m->dim - first) + 2 * m->turn * size) * (1 + 0x1p-19));
    query.length_up = rounded_up(query.length * (1 + 0x1p-19));
    query.scale = quantise(vector, m->dim, largest(vector, m->dim), range < 32767 ? (int32_t)range : 32767, codes, &rest);
    query.rest = query.scale * rest * (1 + 0x1p-40) + (0x1p-45 + 2 * m->turn) * size;
    return query;
}

/* One matrix asked with one query: every row's bound, NaN once it is bounded by all its codes and `found`. */
typedef struct {
    const Instructions *run;
    const Matrix *matrix;
    const Query *query;
    float *high;    /* [n], whole blocks */
    float *tops;    /* [blocks] */
    Found *found;   /* [n] */
    int32_t *fresh; /* [n] */
    float *values;  /* [n] */
    int64_t count;
} Search;

/* Settle the open rows whose bounds are at least `from` and not at least `below`, and add their places in `found`; return
   how many. */
static int64_t settled(Search *s, const uint8_t *open, float from, float below, int32_t *places) {
    const int64_t n = s->run->reaching(s->high, s->tops, open, s->matrix->n, from, below, s->fresh);
    s->run->settle(s->matrix, s->query, s->fresh, n, s->found + s->count);
    for (int64_t i = 0; i < n; i++) s->high[s->fresh[i]] = NAN, places[i] = (int32_t)(s->count + i);
    s->count += n;
    return n;
}

/* A bound that some `many` open rows reach, judged by a sample; −infinity where there may be fewer. */
static float cut(const Search *s, const uint8_t *open, int64_t many) {
    const int64_t n = s->matrix->n, step = (n / SAMPLE) | 1, rank = 3 + many * (n / step) / n;
    int64_t count = 0;
    for (int64_t row = 0; row < n; row += step)
        if (open[row] && s->high[row] == s->high[row]) s->values[count++] = s->high[row];
    return count < rank ? -INFINITY : kth_largest(s->values, count, rank);
}

static float kth_low(Search *s, const int32_t *places, int64_t n, int64_t k) {
    if (n < k) return -INFINITY;
    for (int64_t i = 0; i < n; i++) s->values[i] = s->found[places[i]].low;
    return kth_largest(s->values, n, k);
}

/* Write every open row whose score can be among the k best; return how many. The k-th best lower bound of those settled
   already, or of some that promise most, says which others can reach; then that of all of these says which remain. */
static int64_t search(Search *s, const uint8_t *open, int64_t k, int32_t *rows) {
    int64_t n = 0, kept = 0;
    float below = NAN;
    for (int64_t i = 0; i < s->count; i++)
        if (open[s->found[i].row]) rows[n++] = (int32_t)i;
    for (int64_t many = 2 * k + 32; n < k; many *= 4) {
        const float from = many < s->matrix->n ? cut(s, open, many) : -INFINITY;
        n += settled(s, open, from, below, rows + n);
        below = from;
        if (from == -INFINITY) break;
    }
    const float least = kth_low(s, rows, n, k);
    if (!(least >= below)) n += settled(s, open, least, below, rows + n);
    const float last = kth_low(s, rows, n, k);
    for (int64_t i = 0; i < n; i++)
        if (s->found[rows[i]].high >= last) rows[kept++] = s->found[rows[i]].row;
    return kept;
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
    const Instructions *run = instructions(level);
    const size_t n = (size_t)(matrix->n + LANES), leading = (size_t)(matrix->groups * GROUP);
    int16_t *codes = calloc((size_t)matrix->dim + leading, sizeof *codes);
    int8_t *coarse = calloc(leading + 1, 1);
    float *floats = malloc(4 * n * sizeof *floats), *turned = malloc((size_t)(matrix->dim + 1) * sizeof *turned);
    int32_t *lists = malloc(2 * n * sizeof *lists);
    Found *found = malloc(n * sizeof *found);
    int failed = !(codes && coarse && floats && turned && lists && found), finite = 1;
    if (!failed && (finite = turn(axes, vector, matrix->dim, turned))) {
        const Query query = asked(matrix, turned, coarse, codes);
        Search one = {run, matrix, &query, floats, floats + 3 * n, found, lists, floats + n, 0};
        float *scores = floats + 2 * n;
        int32_t *left = lists + n;
        run->bounds(matrix, &query, one.high, one.tops);
        for (int64_t w = 0; w < n_wishes && !failed; w++) {
            scanned[w] = search(&one, open[w], k[w], left);
            failed = run->exact(vectors, bias, matrix->dim, vector, left, scanned[w], scores);
            counts[w] = failed ? -1 : ranked(left, scores, scanned[w], k[w], key, one.values, rows + starts[w]);
            failed |= counts[w] < 0;
        }
    }
    free(codes), free(coarse), free(floats), free(turned), free(lists), free(found);
    return failed ? -1 : !finite;
}
