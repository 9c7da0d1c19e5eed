/* Facts of names and values that are found once, when a field enters the HPACK table, and not again
 * at each use: see message.h. */
#include "h2/octets.h"

#include <string.h>

#include "h2/message.h"

#define OCTETS_01 0x0101010101010101U
#define OCTETS_80 0x8080808080808080U

#define LOWER (IN_TOKEN | IN_AUTHORITY | IN_SCHEME | IN_ALPHA)
#define UPPER (LOWER | IN_UPPER)
#define DIGIT (IN_TOKEN | IN_AUTHORITY | IN_SCHEME | IN_DIGIT)
#define BOTH  (IN_TOKEN | IN_AUTHORITY)

/* clang-format off */
const uint8_t octet_classes[256] = {
    ['!'] = BOTH, ['#'] = IN_TOKEN, ['$'] = BOTH, ['%'] = BOTH, ['&'] = BOTH, ['\''] = BOTH,
    ['('] = IN_AUTHORITY, [')'] = IN_AUTHORITY, ['*'] = BOTH, ['+'] = BOTH | IN_SCHEME, [','] = IN_AUTHORITY,
    ['-'] = BOTH | IN_SCHEME, ['.'] = BOTH | IN_SCHEME,
    ['0'] = DIGIT, ['1'] = DIGIT, ['2'] = DIGIT, ['3'] = DIGIT, ['4'] = DIGIT,
    ['5'] = DIGIT, ['6'] = DIGIT, ['7'] = DIGIT, ['8'] = DIGIT, ['9'] = DIGIT,
    [':'] = IN_AUTHORITY, [';'] = IN_AUTHORITY, ['='] = IN_AUTHORITY,
    ['A'] = UPPER, ['B'] = UPPER, ['C'] = UPPER, ['D'] = UPPER, ['E'] = UPPER, ['F'] = UPPER, ['G'] = UPPER,
    ['H'] = UPPER, ['I'] = UPPER, ['J'] = UPPER, ['K'] = UPPER, ['L'] = UPPER, ['M'] = UPPER, ['N'] = UPPER,
    ['O'] = UPPER, ['P'] = UPPER, ['Q'] = UPPER, ['R'] = UPPER, ['S'] = UPPER, ['T'] = UPPER, ['U'] = UPPER,
    ['V'] = UPPER, ['W'] = UPPER, ['X'] = UPPER, ['Y'] = UPPER, ['Z'] = UPPER,
    ['['] = IN_AUTHORITY, [']'] = IN_AUTHORITY, ['^'] = IN_TOKEN, ['_'] = BOTH, ['`'] = IN_TOKEN,
    ['a'] = LOWER, ['b'] = LOWER, ['c'] = LOWER, ['d'] = LOWER, ['e'] = LOWER, ['f'] = LOWER, ['g'] = LOWER,
    ['h'] = LOWER, ['i'] = LOWER, ['j'] = LOWER, ['k'] = LOWER, ['l'] = LOWER, ['m'] = LOWER, ['n'] = LOWER,
    ['o'] = LOWER, ['p'] = LOWER, ['q'] = LOWER, ['r'] = LOWER, ['s'] = LOWER, ['t'] = LOWER, ['u'] = LOWER,
    ['v'] = LOWER, ['w'] = LOWER, ['x'] = LOWER, ['y'] = LOWER, ['z'] = LOWER,
    ['|'] = IN_TOKEN, ['~'] = BOTH,
};
/* clang-format on */

struct token_row {
    const char *name;
    uint8_t len;
    uint8_t token;
};

#define TOKEN(name, token)                                                                         \
    {                                                                                              \
        name, sizeof(name) - 1, token                                                              \
    }

/* By length, so that one look finds the few candidates. */
static const struct token_row token_rows[] = {
    TOKEN("te", H2_TOKEN_TE),
    TOKEN("host", H2_TOKEN_HOST),
    TOKEN(":path", H2_TOKEN_PATH),
    TOKEN(":method", H2_TOKEN_METHOD),
    TOKEN(":scheme", H2_TOKEN_SCHEME),
    TOKEN(":status", H2_TOKEN_STATUS),
    TOKEN("upgrade", H2_TOKEN_CONNECTION_SPECIFIC),
    TOKEN("priority", H2_TOKEN_PRIORITY),
    TOKEN(":protocol", H2_TOKEN_PROTOCOL),
    TOKEN(":authority", H2_TOKEN_AUTHORITY),
    TOKEN("connection", H2_TOKEN_CONNECTION_SPECIFIC),
    TOKEN("keep-alive", H2_TOKEN_CONNECTION_SPECIFIC),
    TOKEN("content-length", H2_TOKEN_CONTENT_LENGTH),
    TOKEN("proxy-connection", H2_TOKEN_CONNECTION_SPECIFIC),
    TOKEN("transfer-encoding", H2_TOKEN_CONNECTION_SPECIFIC),
};

/* First row of each length; the next length's first is where it ends. */
static const uint8_t token_rows_of[] = { 0, 0,  0,  1,  1,  2,  3,  3,  7, 8,
                                         9, 12, 12, 12, 12, 13, 13, 14, 15 };

enum h2_token message_token_of(struct span name)
{
    if (name.len + 1 < sizeof token_rows_of) {
        for (unsigned i = token_rows_of[name.len]; i < token_rows_of[name.len + 1]; i++) {
            if (token_rows[i].name[name.len - 1] == (char)name.ptr[name.len - 1] &&
                memcmp(token_rows[i].name, name.ptr, name.len) == 0) {
                return (enum h2_token)token_rows[i].token;
            }
        }
    }
    return name.len > 0 && name.ptr[0] == ':' ? H2_TOKEN_PSEUDO_UNKNOWN : H2_TOKEN_NONE;
}

/* The first octet that no name has decides. */
static uint8_t bad_name_facts(struct span name)
{
    size_t i = name.ptr[0] == ':';
    while ((octet_classes[name.ptr[i]] & (IN_TOKEN | IN_UPPER)) == IN_TOKEN) {
        i++;
    }
    return octet_classes[name.ptr[i]] & IN_UPPER ? H2_NAME_UPPERCASE : H2_NAME_BAD;
}

static uint8_t name_facts(struct span name)
{
    if (name.len == 0) {
        return H2_NAME_EMPTY;
    }
    /* The colon of a pseudo-header field is no octet of a name. */
    unsigned all = IN_TOKEN, any = 0;
    for (size_t i = name.ptr[0] == ':'; i < name.len; i++) {
        unsigned classes = octet_classes[name.ptr[i]];
        all &= classes;
        any |= classes;
    }
    return all == IN_TOKEN && (any & IN_UPPER) == 0 ? 0 : bad_name_facts(name);
}

/* Whether one of eight octets is below 0x20, or DEL. */
static bool has_control(uint64_t octets)
{
    uint64_t low = (octets - OCTETS_01 * 0x20) & ~octets;
    uint64_t del = octets ^ (OCTETS_01 * 0x7f);
    return ((low | ((del - OCTETS_01) & ~del)) & OCTETS_80) != 0;
}

static uint8_t control_facts(struct span value)
{
    uint8_t facts = 0;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t octet = value.ptr[i];
        if (octet == '\0' || octet == '\r' || octet == '\n') {
            facts |= H2_VALUE_NUL_CR_LF;
        } else if ((octet < 0x20 && octet != '\t') || octet == 0x7f) {
            facts |= H2_VALUE_CONTROL;
        }
    }
    return facts;
}

static bool is_edge_space(uint8_t octet)
{
    return octet == ' ' || octet == '\t';
}

static uint8_t value_facts(struct span value)
{
    if (value.len == 0) {
        return 0;
    }
    uint8_t facts = 0;
    if (is_edge_space(value.ptr[0]) || is_edge_space(value.ptr[value.len - 1])) {
        facts = H2_VALUE_EDGE_SPACE;
    }
    if (value.len < 8) {
        return facts | control_facts(value);
    }
    /* The last look overlaps the one before. */
    bool suspect = false;
    for (size_t i = 0; i < value.len; i += 8) {
        size_t at = num_min_size(i, value.len - 8);
        uint64_t octets;
        memcpy(&octets, value.ptr + at, 8);
        suspect |= has_control(octets);
    }
    return suspect ? facts | control_facts(value) : facts;
}

uint8_t message_value_facts(struct span value)
{
    return value_facts(value);
}

uint8_t message_octet_facts(struct span name, struct span value)
{
    return name_facts(name) | value_facts(value);
}
