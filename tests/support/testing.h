/* What every cmocka program needs, in the order that cmocka wants it. */
#ifndef H2DUMP_TESTS_TESTING_H
#define H2DUMP_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
