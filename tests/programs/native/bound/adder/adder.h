#include <stdint.h>
#include <sys/types.h>

struct adder_sum {
    int64_t value;
    /* musl has `long` here for all, glibc has another type on some CPUs. */
    ino_t node;
    void *owner;
};

struct adder_sum adder_add(int32_t a, int32_t b);
