// What C++ needs at run time: constructors before main, exceptions through frames, threads, streams, thread-locals.
#include <atomic>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {
struct Early {
    Early() : text("constructed") {}
    std::string text;
};
Early early;
std::mutex mutex;
thread_local int own = 5;

void fails(int depth) {
    std::string kept(100, 'x');
    if (depth == 0) throw std::runtime_error("thrown");
    fails(depth - 1);
}
}  // namespace

extern "C" int cxx_run() {
    std::atomic<int> sum{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
        threads.emplace_back([&] {
            try {
                std::lock_guard<std::mutex> guard(mutex);
                fails(3);
            } catch (const std::exception &error) {
                sum += own + static_cast<int>(std::string(error.what()).size());
            }
        });
    }
    for (auto &thread : threads) thread.join();
    std::cout << "C++ " << early.text << " " << sum << std::endl;
    return sum;
}
