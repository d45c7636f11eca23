#if defined(__GNUC__) && defined(__has_builtin) /* x86 adds pairs of products in one instruction */
#if defined(__AVX512BW__) && __has_builtin(__builtin_ia32_pmaddwd512)
#define NAME_BYTES 64
#define NAME_PAIRS __builtin_ia32_pmaddwd512
#elif defined(__AVX512BW__) && __has_builtin(__builtin_ia32_pmaddwd512_mask)
#define NAME_BYTES 64
#define NAME_PAIRS(a, b) __builtin_ia32_pmaddwd512_mask(a, b, (NAME_ints)(a), 65535)
#elif defined(__AVX2__) && __has_builtin(__builtin_ia32_pmaddwd256)
#define NAME_BYTES 32
#define NAME_PAIRS __builtin_ia32_pmaddwd256
#elif defined(__SSE2__) && __has_builtin(__builtin_ia32_pmaddwd128)
#define NAME_BYTES 16
#define NAME_PAIRS __builtin_ia32_pmaddwd128
#endif
#endif

/* sums[16] += scales[16] x unit x (inputs x a panel of weights). A sum has its weights of four inputs a, b, c, d as
   a, c, b, d in 32 bits: shifts make of them the pairs (a, b) and (c, d), of 16 bits each. */
#ifdef NAME_BYTES
typedef short NAME_shorts __attribute__((vector_size(NAME_BYTES), aligned(1), may_alias));
typedef int NAME_ints __attribute__((vector_size(NAME_BYTES), aligned(1), may_alias));
typedef float NAME_floats __attribute__((vector_size(NAME_BYTES), aligned(4), may_alias));
enum { NAME_PARTS = 64 / NAME_BYTES };

NAME_PART NAME_shorts NAME_pair(const short *inputs)
{
    NAME_ints pairs = {0};
    int pair;
    memcpy(&pair, inputs, sizeof pair);
    return (NAME_shorts)(pairs + pair);
}

NAME_PART void NAME_panel(const signed char *weights, const float *scales, float unit, const short *inputs, int count,
                          float *sums)
{
    NAME_ints panel[NAME_PARTS], others[NAME_PARTS], zeros = {0}; /* an addition waits for the one before it */
    int j, p;
    NAME_UNROLLED
    for (p = 0; p < NAME_PARTS; p++)
        panel[p] = others[p] = zeros;
    for (j = 0; j < count; j += 4, weights += 64) {
        const NAME_shorts *w = (const NAME_shorts *)weights;
        NAME_shorts first = NAME_pair(inputs + j), second = NAME_pair(inputs + j + 2);
        NAME_UNROLLED
        for (p = 0; p < NAME_PARTS; p++) {
            panel[p] += (NAME_ints)NAME_PAIRS(w[p] << 8 >> 8, first);
            others[p] += (NAME_ints)NAME_PAIRS(w[p] >> 8, second);
        }
    }
    NAME_UNROLLED
    for (p = 0; p < NAME_PARTS; p++)
        ((NAME_floats *)sums)[p] +=
            ((const NAME_floats *)scales)[p] * unit * __builtin_convertvector(panel[p] + others[p], NAME_floats);
}
#else
NAME_PART void NAME_panel(const signed char *weights, const float *scales, float unit, const short *inputs, int count,
                          float *NAME_ALONE sums)
{
    int totals[16] = {0}, j, k;
    for (j = 0; j < count; j += 4)
        for (k = 0; k < 16; k++, weights += 4)
            totals[k] += (weights[0] * inputs[j] + weights[2] * inputs[j + 1])
                + (weights[1] * inputs[j + 2] + weights[3] * inputs[j + 3]);
    for (k = 0; k < 16; k++)
        sums[k] += scales[k] * unit * (float)totals[k];
}
#endif

/* sums += inputs x weights, of inputs from -bound to bound: they are rounded to 16 bits (`most` keeps a sum of products
   within 32), so that a product is one of integers. The weights of a sum have a scale of their own. */
NAME_PART void NAME_product(const signed char *weights, const float *scales, float bound, int most,
                                const float *inputs, int count, float *sums, int size)
{
    NAME_LOCAL float scaled[NAME_MOST_INPUTS];
    NAME_LOCAL short rounded[NAME_MOST_INPUTS];
    float unit = bound / (float)most, inverse = bound > 0.0f ? (float)most / bound : 0.0f, limit = (float)most;
    int j, k;
    for (j = 0; j < count; j++) {
        float x = inputs[j] * inverse;
        scaled[j] = x > limit ? limit : x > -limit ? x : -limit; /* NAN too becomes what an integer can hold */
    }
    for (j = 0; j < count; j++)
        rounded[j] = (short)((int)(scaled[j] + (limit + 0.5f)) - most);
    for (k = 0; k < size; k += 16)
        NAME_panel(weights + (long)k * count, scales + k, unit, rounded, count, sums + k);
}

/* sums = bias + a row of a table. */
NAME_PART void NAME_row(const signed char *row, float scale, const float *bias, float *NAME_ALONE sums, int size)
{
    int k;
    for (k = 0; k < size; k++)
        sums[k] = bias[k] + scale * (float)row[k];
}
