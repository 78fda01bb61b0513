/* What C gets wrong when its compiler is for another libc, another CPU, or checks what is undefined. */
#define _GNU_SOURCE
#include <complex.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static __thread int own = 1;

static void *add(void *sum) {
    own += 1;
    __atomic_add_fetch((int *)sum, own, __ATOMIC_SEQ_CST);
    return NULL;
}

/* With a compiler for glibc, the header's offsets are another's. */
long long size_of_file(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (long long)st.st_size : -errno;
}

int64_t position(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) return -errno;
    int64_t at = fseeko(file, 0, SEEK_END) == 0 ? (int64_t)ftello(file) : -1;
    fclose(file);
    return at;
}

int threads(void) {
    int sum = 0;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, add, &sum);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    return sum + own;
}

double root(double x) { return sqrt(x) + (double)fabsl((long double)cbrt(x)); }

struct five {
    long words[5];
};

/* What a compiler leaves to a library of its own, which is not the one that Rust brings. */
int left_to_a_library(double one) {
    char code[64] = {0};
    struct five from = {{1, 2, 3, 4, 5}}, to;
    long double complex number = one + 2 * I;
    __builtin___clear_cache(code, code + sizeof code);
    __atomic_load(&from, &to, __ATOMIC_SEQ_CST);
#ifdef __x86_64__
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse2")) return -1;
#endif
    return (int)lround((double)(10 * creall(number / (one - 2 * I)))) + (int)to.words[4];
}

/* Undefined, and what every old library does somewhere. */
int shifted(int by) { return 1 << by; }
