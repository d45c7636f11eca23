/* Draws a symbol with a number in [0, 1) such as NAME_random gives; temperature 0: the likeliest. -1: logits are no
   numbers. */
NAME_FUNCTION int NAME_sample(const float *logits, double temperature, double uniform)
{
    double total = 0, sum = 0;
    int k, best = 0;
    for (k = 0; k < NAME_OUTPUTS; k++)
        if (!(logits[k] - logits[k] == 0))
            return -1;
    for (k = 1; k < NAME_OUTPUTS; k++)
        best = logits[k] > logits[best] ? k : best;
    if (!(temperature > 0))
        return best;
    for (k = 0; k < NAME_OUTPUTS; k++)
        total += exp(((double)logits[k] - (double)logits[best]) / temperature);
    for (k = 0; k < NAME_OUTPUTS - 1; k++) {
        sum += exp(((double)logits[k] - (double)logits[best]) / temperature);
        if (sum > uniform * total)
            break;
    }
    return k;
}

/* Returns the next number in [0, 1) of a seed (xorshift32; any seed but 0). */
NAME_FUNCTION double NAME_random(unsigned long *seed)
{
    *seed ^= (*seed << 13) & 0xffffffffUL;
    *seed ^= *seed >> 17;
    *seed ^= (*seed << 5) & 0xffffffffUL;
    return (double)*seed / 4294967296.0;
}
