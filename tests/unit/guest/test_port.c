/* The presence question on the machine that runs the tests: whatever the processor says to the
 * instruction, the process lives and its signal handlers are its own again. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest/backdoor_port.h"

static void mine(int sig)
{
    (void)sig;
}

static void test_probe(void **state)
{
    (void)state;
    struct sigaction sa = {.sa_handler = mine}, now;
    uint32_t product = 77;
    sigaction(SIGSEGV, &sa, NULL);
    bool first = backdoor_port_present(&product);
    sigaction(SIGSEGV, NULL, &now);
    assert_ptr_equal(now.sa_handler, mine);
    assert_int_equal(backdoor_port_present(NULL), first);
    if (!first)
        assert_int_equal(product, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_probe)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
