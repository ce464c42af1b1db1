// What a machine decided, as plain structs: logs, counters and test snapshots are derived from
// them; the core never prints. An event's kName is its name in every one of these.
#pragma once
#include <cstddef>
#include <string_view>

#include "base/time.hpp"

namespace esp_peer {

class Tracer {
 public:
  using Sink = void (*)(void* ctx, Instant at, std::string_view name, const void* event);
  Tracer() = default;
  Tracer(Sink sink, void* ctx) : sink_(sink), ctx_(ctx) {}

  template <class Event>
  void operator()(Instant at, const Event& event) const {
    if (sink_) sink_(ctx_, at, Event::kName, &event);
  }
  bool listening() const { return sink_ != nullptr; }

 private:
  Sink sink_ = nullptr;
  void* ctx_ = nullptr;
};

// A datagram, chunk or attribute that was not obeyed. `where` is the machine, `why` the reason;
// both are literals.
struct PacketDropped {
  static constexpr std::string_view kName = "packet_dropped";
  const char* where;
  const char* why;
  std::size_t size;
};

}  // namespace esp_peer
