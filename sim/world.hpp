// One run: time, network, chance, what went wrong. The same seed makes the same run.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/tx_batch.hpp"
#include "sim/network.hpp"
#include "sim/random.hpp"
#include "sim/timeline.hpp"
#include "sim/trace.hpp"

namespace esp_peer::sim {

class World {
 public:
  explicit World(std::uint64_t seed)
      : topology(seed, "topology"),
        faults(seed, "faults"),
        workload(seed, "workload"),
        peers(seed, "peers"),
        network(time, trace, Rng(seed, "links")) {}

  Rng topology, faults, workload, peers;
  Timeline time;
  Trace trace;
  Network network;
  // What the name servers know, and how long they think.
  std::map<std::string, std::vector<Address>> names;
  Duration name_delay = milliseconds(30);

  // A law was broken. The run goes on; whoever started it looks at the end.
  void fail(const std::string& what) {
    trace.note(time.now(), "", "BROKEN", what);
    if (failures.size() < max_failures) failures.push_back(what);
  }
  std::vector<std::string> failures;

  // Runs until it holds, at most to `until`; whether it held. Looked at after every step.
  bool run_until(Instant until, const std::function<bool()>& holds) {
    while (!holds()) {
      if (!time.step(until)) return holds();
    }
    return true;
  }

  // Lent to whoever sends at the moment.
  std::vector<std::byte> transmit_room = std::vector<std::byte>(64 * 1024);
  std::vector<TxBatch::Run> transmit_runs = std::vector<TxBatch::Run>(64);

 private:
  static constexpr std::size_t max_failures = 20;
};

}  // namespace esp_peer::sim
