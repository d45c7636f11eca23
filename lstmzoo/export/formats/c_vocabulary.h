/* The vocabulary: NAME_symbols[k] is symbol k, @UNIT@; ascending.@LOWER@ */
NAME_TABLE @CODE_TYPE@ NAME_symbols[NAME_OUTPUTS] = {
@CODES@
};

/* Returns the symbol of @ONE@, or -1 for one that the model does not know. */
NAME_FUNCTION int NAME_find(unsigned long code)
{
    int k;
    for (k = 0; k < NAME_OUTPUTS; k++)
        if (NAME_symbols[k] == code)
            return k;
    return -1;
}

/* Writes a symbol as text@UTF8@, with a 0 behind it; returns the number of its bytes. */
NAME_FUNCTION int NAME_spell(int symbol, char text[5])
{
    unsigned long code = NAME_symbols[symbol];
    int more = @MORE@, k;
    for (k = more; k > 0; k--, code >>= 6)
        text[k] = (char)(0x80 | (code & 0x3f));
    text[0] = (char)(more ? (unsigned long)(0xff00 >> (more + 1) & 0xff) | code : code);
    text[more + 1] = 0;
    return more + 1;
}

