#include "adder.h"

struct adder_sum adder_add(int32_t a, int32_t b) {
    struct adder_sum sum = {(int64_t)a + b, (ino_t)a, 0};
    return sum;
}
