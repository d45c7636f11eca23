/* sums += inputs x weights, of inputs from -bound to bound: they are rounded to 16 bits (`most` keeps a sum of products
   within 32), so that a product is one of integers. A row of weights holds those of one sum, with a scale of its own. */
NAME_PART void NAME_product(const signed char *weights, const float *scales, float bound, int most,
                                const float *inputs, int count, float *NAME_ALONE sums, int size)
{
    NAME_LOCAL short rounded[NAME_MOST_INPUTS];
    float unit = bound / (float)most, inverse = bound > 0.0f ? (float)most / bound : 0.0f, limit = (float)most;
    int j, k;
    for (j = 0; j < count; j++) {
        float x = inputs[j] * inverse;
        x = x > limit ? limit : x > -limit ? x : -limit;
        rounded[j] = (short)(int)(x + (x < 0.0f ? -0.5f : 0.5f));
    }
    for (k = 0; k < size; k++, weights += count) {
        int sum = 0;
        for (j = 0; j < count; j++)
            sum += (short)weights[j] * rounded[j];
        sums[k] += scales[k] * unit * (float)sum;
    }
}

/* sums = bias + a row of a table. */
NAME_PART void NAME_row(const signed char *row, float scale, const float *bias, float *NAME_ALONE sums, int size)
{
    int k;
    for (k = 0; k < size; k++)
        sums[k] = bias[k] + scale * (float)row[k];
}
