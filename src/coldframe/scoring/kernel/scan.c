/* The scan behind coldframe.scoring.kernel: products of small codes with a bound, and exact scores of some rows.

   Owns arithmetic on arrays that the caller checked. Allocates scratch only, keeps nothing, knows no Python. The proof of
   the bound is in the docstring of matrix.py.

   Never compile with -ffast-math: exact scores rely on IEEE arithmetic in the order written here. */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LANES 16 /* items per block */
#define GROUP 32 /* dimensions per group: four times a 32-bit lane, half a byte each */
#define LINE 64  /* bytes of eight dimensions of a block's rows */
#define NIBBLE 7 /* the largest leading code of a row; in a block it stands 8 higher */
#define FARTHEST 8.2 /* what the largest value would have; cut off at 7, the others are rounded more finely */
#define COARSE 127 /* that of a query: sixteen products with 15 fit into 16 bits */
#define SHORT 3  /* deviations of scores from their mean within which most rows are */
#define SAMPLE 512  /* blocks whose bounds say where to cut first, and rows that say how many are open */
#define EARLY 8  /* blocks that are fetched before their turn */
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

/* Of a block's 16 rows, beside their small codes. */
typedef struct {
    float scale[LANES], bias[LANES];
} Sides;

/* The largest of a block's 16 rows, of what leads and of all: ‖small codes‖, and ‖row − scale · small codes‖ ÷ scale. */
typedef struct {
    float size, rest;
} Limit;
typedef struct {
    Limit leading, all;
} Limits;

/* Small codes are 8 higher where they lie, two to a byte: [groups][4][16][4] of a block's 16 rows. */
typedef struct {
    uint8_t *blocks;     /* [ceil(n / 16)] of the codes that lead, then Sides of 16 rows */
    uint8_t *deeper;     /* [ceil(n / 16)] of the other codes */
    float *tails;        /* [ceil(n / 16)][16] ‖what does not lead‖ ÷ scale */
    Limits *limits;      /* [ceil(n / 16)] */
    int8_t *codes;       /* [n][dim] */
    Row *rows;           /* [n] */
    const float *spread; /* [dim] the mean square of each turned dimension */
    int64_t n, groups, more, dim;
    double turn; /* |row · vector − turned row · turned vector| ≤ turn ‖turned row‖ ‖vector‖ */
} Matrix;

/* `small` are coarse codes of what leads, or of everything if `all`; `codes` fine ones of everything; `moved` is 8 × the
   sum of the small ones: what the + 8 of a row's adds to a product. Those in float32 have room for their rounding. */
typedef struct {
    const int8_t *small;  /* [32 * (groups + more)] */
    const int16_t *codes; /* [dim] */
    int32_t moved, all;
    float small_scale, small_rest, head, tail;
    double scale, rest, length;
} Query;

INLINE int64_t code_bytes(int64_t groups) { return groups * LANES * GROUP / 2; }
INLINE int64_t block_bytes(int64_t groups) { return code_bytes(groups) + (int64_t)sizeof(Sides); }
INLINE int64_t blocks_of(int64_t n) { return (n + LANES - 1) / LANES; }

/* Add Σ small codes · query of 16 rows to dots, exact in int32. */
typedef void (*Dots)(const uint8_t *codes, const int8_t *asked, int64_t groups, int32_t *dots);

INLINE void dots_plain(const uint8_t *codes, const int8_t *asked, int64_t groups, int32_t *dots) {
    for (int64_t line = 0; line < groups * GROUP / 8; line++, codes += LINE, asked += 8)
        for (int lane = 0; lane < LANES; lane++)
            for (int j = 0; j < 4; j++) {
                const uint8_t both = codes[lane * 4 + j];
                dots[lane] += (both & 15) * asked[j] + (both >> 4) * asked[4 + j];
            }
}

/* Σ codes · query of one row, exact in int32. */
typedef int32_t (*Dot)(const int8_t *row, const int16_t *query, int64_t dim);

INLINE int32_t dot_plain(const int8_t *row, const int16_t *query, int64_t dim) {
    int32_t sum = 0;
    for (int64_t j = 0; j < dim; j++) sum += row[j] * query[j];
    return sum;
}

/* Which of 16 bounds are at least `from`, as bits. */
typedef uint32_t (*Reach)(const float *high, float from);

INLINE uint32_t reach_plain(const float *high, float from) {
    uint32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++) bits |= (uint32_t)(high[lane] >= from) << lane;
    return bits;
}

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,fma")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")))

AVX2 INLINE __m256i avx2_asked(const int8_t *asked) {
    int32_t four;
    memcpy(&four, asked, sizeof four);
    return _mm256_set1_epi32(four);
}

/* Of eight lanes, a group at a time: sixteen products of codes at most 15 and 127 fit into 16 bits. */
AVX2 INLINE void half_avx2(const uint8_t *half, const int8_t *asked, int64_t groups, int32_t *dots) {
    const __m256i ones = _mm256_set1_epi16(1), low = _mm256_set1_epi8(15);
    __m256i all = _mm256_loadu_si256((const __m256i *)dots);
    for (int64_t g = 0; g < groups; g++) {
        __m256i sum = _mm256_setzero_si256();
        for (int line = 0; line < GROUP / 8; line++, half += LINE, asked += 8) {
            const __m256i both = _mm256_loadu_si256((const __m256i *)half), high = _mm256_srli_epi16(both, 4);
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(_mm256_and_si256(both, low), avx2_asked(asked)));
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(_mm256_and_si256(high, low), avx2_asked(asked + 4)));
        }
        all = _mm256_add_epi32(all, _mm256_madd_epi16(sum, ones));
    }
    _mm256_storeu_si256((__m256i *)dots, all);
}

AVX2 INLINE void dots_avx2(const uint8_t *codes, const int8_t *asked, int64_t groups, int32_t *dots) {
    half_avx2(codes, asked, groups, dots);
    half_avx2(codes + LINE / 2, asked, groups, dots + LANES / 2);
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

AVX2 INLINE uint32_t reach_avx2(const float *high, float from) {
    const __m256 least = _mm256_set1_ps(from);
    const int first = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(high), least, _CMP_GE_OQ));
    return (uint32_t)(first | _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(high + 8), least, _CMP_GE_OQ)) << 8);
}

VNNI INLINE __m512i vnni_asked(const int8_t *asked) {
    int32_t four;
    memcpy(&four, asked, sizeof four);
    return _mm512_set1_epi32(four);
}

VNNI INLINE void dots_vnni(const uint8_t *codes, const int8_t *asked, int64_t groups, int32_t *dots) {
    const __m512i low = _mm512_set1_epi8(15);
    __m512i sums[4] = {_mm512_loadu_si512(dots)};
    for (int64_t g = 0; g < groups; g++)
        for (int line = 0; line < GROUP / 8; line++, codes += LINE, asked += 8) {
            const __m512i both = _mm512_loadu_si512(codes), high = _mm512_srli_epi16(both, 4);
            __m512i *sum = sums + 2 * (line & 1);
            sum[0] = _mm512_dpbusd_epi32(sum[0], _mm512_and_si512(both, low), vnni_asked(asked));
            sum[1] = _mm512_dpbusd_epi32(sum[1], _mm512_and_si512(high, low), vnni_asked(asked + 4));
        }
    _mm512_storeu_si512(dots, _mm512_add_epi32(_mm512_add_epi32(sums[0], sums[1]), _mm512_add_epi32(sums[2], sums[3])));
}

VNNI INLINE uint32_t reach_vnni(const float *high, float from) {
    return _mm512_cmp_ps_mask(_mm512_loadu_ps(high), _mm512_set1_ps(from), _CMP_GE_OQ);
}
#else
#define AVX2
#define VNNI
#endif

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

/* Write the codes, −range … range, of values whose `largest` is finite and would be `most` but for that, and `rest` =
   ‖values − scale · codes‖ ÷ scale from above; return the scale, which is never 0. */
INLINE float quantise(const float *values, int64_t n, double most, double range, int16_t *codes, double *rest) {
    const float scale = fmaxf((float)(largest(values, n) / most), 0x1p-100f);
    const double inverse = 1 / (double)scale;
    const int32_t end = (int32_t)range;
    double missed[8] = {0};
    for (int64_t j = 0; j < n; j++) {
        const int32_t near = (int32_t)rint((double)values[j] * inverse), low = near < end ? near : end;
        codes[j] = (int16_t)(low > -end ? low : -end);
    }
    for (int64_t start = 0; start < n; start += 8) {
        const int64_t few = n - start < 8 ? n - start : 8;
        for (int64_t j = 0; j < few; j++) {
            const double off = (double)values[start + j] * inverse - codes[start + j];
            missed[j] += off * off;
        }
    }
    for (int j = 1; j < 8; j++) missed[0] += missed[j];
    *rest = sqrt(missed[0]) * (1 + 0x1p-40) + 0x1p-20;
    return scale;
}

/* ‖values‖, from above. */
static double length(const float *values, int64_t n) {
    double squares = 0;
    for (int64_t j = 0; j < n; j++) squares += (double)values[j] * (double)values[j];
    return sqrt(squares) * (1 + 0x1p-40);
}

/* ‖codes‖, rounded up. */
INLINE float length_of(const int8_t *codes, int64_t n) {
    int64_t squares = 0;
    for (int64_t j = 0; j < n; j++) squares += codes[j] * codes[j];
    return rounded_up(sqrt((double)squares) * (1 + 0x1p-40));
}

/* Put a lane's codes where 16 rows' lie, 0 where there are none. */
INLINE void put(uint8_t *lines, int64_t lane, const int8_t *codes, int64_t n, int64_t groups) {
    for (int64_t place = 0; place < groups * GROUP; place++) {
        const int code = NIBBLE + 1 + (place < n ? codes[place] : 0), in = place % 8;
        lines[place / 8 * LINE + lane * 4 + in % 4] |= (uint8_t)(in < 4 ? code : code << 4);
    }
}

INLINE void widen(Limit *limit, const int8_t *codes, int64_t n, double rest) {
    limit->size = fmaxf(limit->size, length_of(codes, n));
    limit->rest = fmaxf(limit->rest, rounded_up(rest));
}

/* ‖values − scale · codes‖ ÷ scale, from above. */
INLINE double missed(const float *values, const int8_t *codes, int64_t n, float scale) {
    double squares = 0;
    for (int64_t j = 0; j < n; j++) squares += (values[j] / (double)scale - codes[j]) * (values[j] / (double)scale - codes[j]);
    return sqrt(squares) * (1 + 0x1p-40) + 0x1p-20;
}

/* Write the codes of one row, finite or all 0; return its scale, and `rest` as `quantise` does. */
INLINE float coded(const float *row, int64_t n, double most, double range, int finite, int16_t *scratch, int8_t *codes,
                   double *rest) {
    memset(scratch, 0, (size_t)n * sizeof *scratch);
    *rest = INFINITY;
    const float scale = finite ? quantise(row, n, most, range, scratch, rest) : 1;
    for (int64_t j = 0; j < n; j++) codes[j] = (int8_t)scratch[j];
    return scale;
}

INLINE void quantise_with(const Matrix *m, const float *vectors, const float *bias, int64_t n, int16_t *scratch) {
    const int64_t dim = m->dim, leading = m->groups * GROUP < dim ? m->groups * GROUP : dim;
    int8_t *codes = m->codes;
    for (int64_t i = 0; i < n; i++, codes += dim, vectors += dim) {
        uint8_t *block = m->blocks + i / LANES * block_bytes(m->groups);
        Sides *sides = (Sides *)(block + code_bytes(m->groups));
        Limits *most = m->limits + i / LANES;
        const int64_t lane = i % LANES;
        const float own = bias ? bias[i] : 0;
        const int finite = largest(vectors, dim) <= FLT_MAX && fabsf(own) <= FLT_MAX;
        double rest;
        const float scale = coded(vectors, dim, FARTHEST, NIBBLE, finite, scratch, codes, &rest);
        sides->scale[lane] = scale;
        sides->bias[lane] = finite ? own : 0;
        m->tails[i] = finite ? rounded_up(length(vectors + leading, dim - leading) / scale * (1 + 0x1p-40)) : 0;
        widen(&most->all, codes, dim, rest);
        widen(&most->leading, codes, leading, finite ? missed(vectors, codes, leading, scale) : rest);
        put(block, lane, codes, leading, m->groups);
        put(m->deeper + i / LANES * code_bytes(m->more), lane, codes + leading, dim - leading, m->more);
        Row *row = m->rows + i;
        row->scale = coded(vectors, dim, 127, 127, finite, scratch, codes, &rest);
        row->rest = rounded_up(rest);
        row->bias = finite ? own : 0;
        row->size = length_of(codes, dim);
    }
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
