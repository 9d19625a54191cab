/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses: equal ones have equal numbers, and what was put in comes out. */
#include "answer/addresses.h"

#include <glib.h>

#define N 100000

/* The same of both families for some, and some that differ in their last octet alone. */
static struct imapid_endpoint make(uint32_t i, uint8_t family)
{
    struct imapid_endpoint endpoint = {.family = family};

    memcpy(endpoint.address, &i, sizeof i);
    if (family == 6)
        endpoint.address[sizeof endpoint.address - 1] = (uint8_t)(i % 3);
    return endpoint;
}

static void test_numbers(void)
{
    struct imapid_addresses *addresses = imapid_addresses_new();

    g_assert_cmpuint(imapid_addresses_count(addresses), ==, 0);
    for (int again = 0; again < 2; again++)
        for (uint32_t i = 0; i < N; i++) {
            struct imapid_endpoint endpoint = make(i / 2 * 16777619, i % 2 ? 6 : 4);

            endpoint.port = (uint16_t)(again + i);
            g_assert_cmpuint(imapid_addresses_add(addresses, &endpoint), ==, i);
        }
    g_assert_cmpuint(imapid_addresses_count(addresses), ==, N);
    imapid_addresses_seal(addresses);
    for (uint32_t i = 0; i < N; i++) {
        struct imapid_endpoint want = make(i / 2 * 16777619, i % 2 ? 6 : 4);
        struct imapid_endpoint endpoint = imapid_addresses_get(addresses, i);

        g_assert_true(imapid_endpoint_is_same(&endpoint, &want));
    }
    imapid_addresses_free(addresses);
    imapid_addresses_free(NULL);
}

/* Those that both have keep their numbers, the others get new ones. */
static void test_absorb(void)
{
    struct imapid_addresses *both[2];
    uint32_t *numbers;

    for (uint32_t k = 0; k < 2; k++) {
        both[k] = imapid_addresses_new();
        for (uint32_t i = 0; i < N; i++) {
            struct imapid_endpoint endpoint = make((i + k * N / 2) * 16777619, i % 10 ? 4 : 6);

            imapid_addresses_add(both[k], &endpoint);
        }
    }
    numbers = imapid_addresses_absorb(both[0], both[1]);
    for (uint32_t i = 0; i < N; i++)
        g_assert_cmpuint(numbers[i], ==, i + N / 2);
    g_assert_cmpuint(imapid_addresses_count(both[0]), ==, N / 2 * 3);
    g_free(numbers);
    imapid_addresses_free(both[0]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/addresses/numbers", test_numbers);
    g_test_add_func("/addresses/absorb", test_absorb);
    return g_test_run();
}
