#if defined(__GNUC__) && defined(__AVX512F__)
typedef float NAME_vector __attribute__((vector_size(64), aligned(4), may_alias));
#elif defined(__GNUC__) && defined(__AVX__)
typedef float NAME_vector __attribute__((vector_size(32), aligned(4), may_alias));
#elif defined(__GNUC__)
typedef float NAME_vector __attribute__((vector_size(16), aligned(4), may_alias));
#else
typedef float NAME_vector;
#endif
enum { NAME_WIDTH = (int)(sizeof(NAME_vector) / sizeof(float)), NAME_PARTS = 16 / NAME_WIDTH };

/* sums += inputs x weights. The weights stand in panels of 16 sums, which stay in registers; in a panel by input. */
NAME_PART void NAME_product(const float *weights, const float *inputs, int count, float *sums, int size)
{
    int j, k, p;
    for (k = 0; k < size; k += 16) {
        NAME_vector panel[NAME_PARTS];
        NAME_UNROLLED
        for (p = 0; p < NAME_PARTS; p++)
            panel[p] = *(const NAME_vector *)(sums + k + p * NAME_WIDTH);
        for (j = 0; j < count; j += 4, weights += 64) {
            const NAME_vector *w = (const NAME_vector *)weights;
            NAME_UNROLLED
            for (p = 0; p < NAME_PARTS; p++)
                panel[p] += (inputs[j] * w[p] + inputs[j + 1] * w[p + NAME_PARTS])
                    + (inputs[j + 2] * w[p + 2 * NAME_PARTS] + inputs[j + 3] * w[p + 3 * NAME_PARTS]);
        }
        NAME_UNROLLED
        for (p = 0; p < NAME_PARTS; p++)
            *(NAME_vector *)(sums + k + p * NAME_WIDTH) = panel[p];
    }
}
