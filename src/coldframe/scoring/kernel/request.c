/* What else an answer computes for each request: a user's vector from the past, ranks of candidates, and sums of rows.

   Owns arithmetic on arrays that the caller checked. Allocates scratch only, keeps nothing, knows no Python. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER 8 /* rows that are added at once */
#define WHOLE 8    /* columns that begin together: whole vectors */
#define INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,fma")))
#else
#define AVX2
#endif

/* Add Σ weight row row' of some rows to left [dim, dim], at least to its upper triangle. */
INLINE void add_squares(float *left, int64_t dim, const float *const *rows, const float *weights, int64_t n) {
    for (int64_t start = 0; start < n; start += TOGETHER) {
        const float *some[TOGETHER];
        float worth[TOGETHER];
        for (int r = 0; r < TOGETHER; r++) {
            some[r] = rows[start + r < n ? start + r : start];
            worth[r] = start + r < n ? weights[start + r] : 0;
        }
        for (int64_t i = 0; i < dim; i++) {
            float *restrict row = left + i * dim, by[TOGETHER];
            for (int r = 0; r < TOGETHER; r++) by[r] = worth[r] * some[r][i];
            for (int64_t j = i / WHOLE * WHOLE; j < dim; j++) {
                float sum = row[j];
                for (int r = 0; r < TOGETHER; r++) sum += by[r] * some[r][j];
                row[j] = sum;
            }
        }
    }
}

/* Factor the upper triangle of a positive definite matrix, A = U'U, in place (Cholesky). Returns -1 where rounding leaves
   no positive pivot. */
INLINE int factor(double *a, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        double *restrict row = a + i * n;
        const int64_t first = i / WHOLE * WHOLE;
        int64_t k = 0;
        for (; k + TOGETHER <= i; k += TOGETHER) {
            const double *above = a + k * n;
            double by[TOGETHER];
            for (int r = 0; r < TOGETHER; r++) by[r] = above[r * n + i];
            for (int64_t j = first; j < n; j++) {
                double sum = row[j];
                for (int r = 0; r < TOGETHER; r++) sum -= by[r] * above[r * n + j];
                row[j] = sum;
            }
        }
        for (; k < i; k++)
            for (int64_t j = first; j < n; j++) row[j] -= a[k * n + i] * a[k * n + j];
        if (!(row[i] > 0)) return -1;
        const double pivot = 1 / sqrt(row[i]);
        for (int64_t j = first; j < n; j++) row[j] *= pivot;
    }
    return 0;
}

/* Solve U'U x = x in place. */
INLINE void solve(const double *u, int64_t n, double *x) {
    for (int64_t i = 0; i < n; i++) {
        x[i] /= u[i * n + i];
        for (int64_t j = i + 1; j < n; j++) x[j] -= x[i] * u[i * n + j];
    }
    for (int64_t i = n - 1; i >= 0; i--) {
        double sums[4] = {0};
        int64_t j = i + 1;
        for (; j + 4 <= n; j += 4)
            for (int lane = 0; lane < 4; lane++) sums[lane] += u[i * n + j + lane] * x[j + lane];
        for (; j < n; j++) sums[0] += u[i * n + j] * x[j];
        x[i] = (x[i] - ((sums[0] + sums[1]) + (sums[2] + sums[3]))) / u[i * n + i];
    }
}

INLINE int fold_in_with(const float *gram, const float *pull, const float *const *rows, const float *bias,
                        const float *extra, int64_t n, int64_t dim, float ridge, float *left, double *whole, double *x) {
    memcpy(left, gram, (size_t)(dim * dim) * sizeof *left);
    add_squares(left, dim, rows, extra, n);
    for (int64_t i = 0; i < dim; i++) left[i * dim + i] += ridge;
    for (int64_t j = 0; j < dim * dim; j++) whole[j] = left[j];
    for (int64_t j = 0; j < dim; j++) x[j] = -pull[j];
    for (int64_t k = 0; k < n; k++) {
        const double worth = 1 + extra[k] - extra[k] * (double)bias[k];
        for (int64_t j = 0; j < dim; j++) x[j] += worth * rows[k][j];
    }
    if (factor(whole, dim)) return 1;
    solve(whole, dim, x);
    return 0;
}

AVX2 static int fold_in_avx2(const float *g, const float *p, const float *const *r, const float *b, const float *e,
                             int64_t n, int64_t d, float ridge, float *l, double *w, double *x) {
    return fold_in_with(g, p, r, b, e, n, d, ridge, l, w, x);
}

/* Write the vector [dim] that solves (gram + Σ extra y y' + ridge) u = Σ ((1 + extra) − extra · bias) y − pull over the
   `items` of vectors and biases. Returns 0, 1 where rounding leaves no positive pivot, or -1 without memory. */
int cf_fold_in(int level, const float *gram, const float *pull, const float *vectors, const float *bias, int64_t dim,
               const int32_t *items, const float *extra, int64_t n, float ridge, float *user) {
    double *whole = malloc((size_t)(dim * dim + dim) * sizeof *whole);
    float *left = malloc((size_t)(dim * dim + n) * sizeof *left);
    const float **rows = malloc((size_t)(n + 1) * sizeof *rows);
    int state = whole && left && rows ? 0 : -1;
    if (!state) {
        float *own = left + dim * dim;
        double *x = whole + dim * dim;
        for (int64_t k = 0; k < n; k++) rows[k] = vectors + items[k] * dim, own[k] = bias[items[k]];
        state = level ? fold_in_avx2(gram, pull, rows, own, extra, n, dim, ridge, left, whole, x)
                      : fold_in_with(gram, pull, rows, own, extra, n, dim, ridge, left, whole, x);
        for (int64_t j = 0; j < dim; j++) user[j] = (float)x[j];
    }
    free(whole), free(left), free(rows);
    return state;
}

#define BITS 11
#define BUCKETS (1 << BITS)

/* A score and its place; keys are in the reverse order of the scores. */
typedef struct {
    uint32_t key, place;
} Entry;

static uint32_t key_of(float score) {
    const float plain = score + 0.0f; /* −0 is 0 */
    uint32_t bits;
    memcpy(&bits, &plain, sizeof bits);
    return bits & 0x80000000 ? bits : ~bits & 0x7FFFFFFF;
}

/* Sort by key, three digits of 11 bits (radix sort); `spare` holds as many. Returns where the result is. */
static Entry *sorted(Entry *from, Entry *spare, int64_t n) {
    for (int shift = 0; shift < 32; shift += BITS) {
        uint32_t starts[BUCKETS + 1] = {0};
        for (int64_t i = 0; i < n; i++) starts[(from[i].key >> shift & (BUCKETS - 1)) + 1]++;
        for (int b = 0; b < BUCKETS; b++) starts[b + 1] += starts[b];
        for (int64_t i = 0; i < n; i++) spare[starts[from[i].key >> shift & (BUCKETS - 1)]++] = from[i];
        Entry *swapped = from;
        from = spare, spare = swapped;
    }
    return from;
}

/* Write each score's place in its row's order, 0 the largest; ties share their mean place. No score of scores
   [n_rows, n] is NaN. Returns 0, or -1 without memory. */
int cf_ranks(int level, const float *scores, int64_t n_rows, int64_t n, float *ranks) {
    (void)level;
    Entry *entries = malloc((size_t)(2 * n + 1) * sizeof *entries);
    if (!entries) return -1;
    for (int64_t r = 0; r < n_rows; r++, scores += n, ranks += n) {
        for (int64_t i = 0; i < n; i++) entries[i] = (Entry){key_of(scores[i]), (uint32_t)i};
        const Entry *order = sorted(entries, entries + n, n);
        for (int64_t start = 0, end; start < n; start = end) {
            for (end = start + 1; end < n && order[end].key == order[start].key; end++) continue;
            for (int64_t i = start; i < end; i++) ranks[order[i].place] = (float)(start + end - 1) / 2;
        }
    }
    free(entries);
    return 0;
}

/* Add Σ weights[k] row(rows[k]) of compressed sparse rows to total [n_columns]. Products are single, their sums double
   and in order, so that NumPy makes the same bits. Returns 0. */
int cf_add_rows(int level, const int64_t *indptr, const int32_t *indices, const float *data, const int32_t *rows,
                const float *weights, int64_t n, double *total) {
    (void)level;
    for (int64_t k = 0; k < n; k++) {
        for (int64_t p = indptr[rows[k]]; p < indptr[rows[k] + 1]; p++) {
            const float product = data[p] * weights[k];
            total[indices[p]] += product;
        }
    }
    return 0;
}
