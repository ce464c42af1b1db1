// The table of docs/media.md: frames that arrive and their latency, by loss and round trip.
#include <algorithm>
#include <cstdio>

#include "sim/video_call.hpp"

namespace {

using namespace esp_peer;
using namespace esp_peer::sim;

constexpr double losses[] = {0, 0.01, 0.02, 0.05, 0.1, 0.2};
constexpr int round_trips[] = {10, 50, 100, 200};  // ms
constexpr Duration jitter = milliseconds(30);
constexpr std::uint64_t seeds = 3;

double ms(Duration d) { return static_cast<double>(d.count()) / 1000; }

// Frames that arrived, the median latency and that of 99 of 100; false when a law was broken.
bool print_cell(double loss, int round_trip, Duration hold) {
  VideoCallReport sum;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    VideoCallOptions options;
    options.seed = seed;
    options.hold = hold;
    options.link.delay = milliseconds(round_trip) / 2;
    options.link.jitter = jitter;
    options.link.reorder = true;
    options.link.loss = loss;
    VideoCall call(options);
    if (!call.connect()) return false;
    call.film(seconds(60));
    const VideoCallReport report = call.report();
    for (const auto& failure : report.failures) std::fprintf(stderr, "%s\n", failure.c_str());
    if (!report.failures.empty()) return false;
    sum.given += report.given;
    sum.whole += report.whole;
    sum.latencies.insert(sum.latencies.end(), report.latencies.begin(), report.latencies.end());
  }
  std::sort(sum.latencies.begin(), sum.latencies.end());
  std::printf(" %.2f %%, %.0f / %.0f ms |", 100 * sum.share(), ms(sum.latency(0.5)),
              ms(sum.latency(0.99)));
  std::fflush(stdout);
  return true;
}

bool print_table(Duration hold) {
  std::printf("\n### `cache_timeout` %.0f ms\n\n| loss |", ms(hold));
  for (const int rtt : round_trips) std::printf(" RTT %d ms |", rtt);
  std::printf("\n|---|---|---|---|---|\n");
  for (const double loss : losses) {
    std::printf("| %.0f %% |", 100 * loss);
    for (const int rtt : round_trips) {
      if (!print_cell(loss, rtt, hold)) return false;
    }
    std::printf("\n");
  }
  return true;
}

}  // namespace

int main() { return print_table(milliseconds(300)) && print_table(milliseconds(100)) ? 0 : 1; }
