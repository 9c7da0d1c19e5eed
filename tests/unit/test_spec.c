/* The tables of spec/: every row complete, every id said once. */
#include "testing.h"

#include <string.h>

#include "spec/connection.h"
#include "spec/finding.h"
#include "spec/limits.h"
#include "spec/spec.h"

static void checks_are_complete_and_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const struct check_row *row = spec_check((enum check)i);
        assert_true(row->id[0] != '\0' && row->title[0] != '\0' && row->text[0] != '\0');
        assert_int_equal(spec_check_by_id(row->id), i);
        bool remark = strncmp(row->id, "limit-", 6) == 0 || strncmp(row->id, "capture-", 8) == 0;
        assert_true(remark || strncmp(row->rfc, "RFC ", 4) == 0);
        assert_true(row->title[strlen(row->title) - 1] != '.');
        assert_true(row->text[strlen(row->text) - 1] == '.');
    }
    assert_int_equal(spec_check_by_id("no-such-check"), CHECK_COUNT);
}

static void severity_follows_class_and_certainty(void **state)
{
    (void)state;
    assert_int_equal(finding_severity(CHECK_SETTINGS_ACK_LENGTH, CONFIDENCE_CERTAIN),
                     SEVERITY_ERROR);
    assert_int_equal(finding_severity(CHECK_SETTINGS_ACK_LENGTH, CONFIDENCE_LIKELY),
                     SEVERITY_WARNING);
    assert_int_equal(finding_severity(CHECK_SETTINGS_ACK_LENGTH, CONFIDENCE_POSSIBLE),
                     SEVERITY_NOTE);
    assert_int_equal(finding_severity(CHECK_FRAME_RESERVED_BIT, CONFIDENCE_CERTAIN), SEVERITY_NOTE);
}

static void names_and_numbers(void **state)
{
    (void)state;
    assert_string_equal(spec_error_name(0xd), "HTTP_1_1_REQUIRED");
    assert_null(spec_error_name(0xe));
    assert_string_equal(spec_setting_name(5), "MAX_FRAME_SIZE");
    assert_null(spec_setting_name(7));
    assert_int_equal(spec_setting_initial(4), 65535);
    assert_string_equal(spec_hpack_static(61)->name, "www-authenticate");
    assert_string_equal(spec_hpack_static(16)->value, "gzip, deflate");
    assert_int_equal(LIMIT_FLOWS, 65536);
    assert_null(spec_limit(1000));
}

/* RFC 9113 appendix A: as many as stand there; with an ephemeral key exchange and AEAD, none. */
static void prohibited_suites(void **state)
{
    static const uint16_t good[] = { 0x009e, 0x00a3, 0x00aa, 0xc02b, 0xc02f, 0xc052, 0xc07d,
                                     0xc09e, 0xc0a6, 0xc0af, 0xcca8, 0x1301, 0x5600 };
    static const uint16_t bad[] = { 0x0000, 0x0005, 0x002f, 0x009c, 0x00a8, 0x00ff,
                                    0xc013, 0xc02e, 0xc031, 0xc09d, 0xc0a9 };
    unsigned count = 0;
    (void)state;
    for (unsigned id = 0; id <= UINT16_MAX; id++) {
        count += tls_suite_is_prohibited((uint16_t)id);
    }
    assert_int_equal(count, 276);
    for (size_t i = 0; i < H2D_COUNT_OF(good); i++) {
        assert_false(tls_suite_is_prohibited(good[i]));
    }
    for (size_t i = 0; i < H2D_COUNT_OF(bad); i++) {
        assert_true(tls_suite_is_prohibited(bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_are_complete_and_unique),
        cmocka_unit_test(severity_follows_class_and_certainty),
        cmocka_unit_test(names_and_numbers),
        cmocka_unit_test(prohibited_suites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
