// Everything a machine may ask of the world, and nothing else.
#pragma once
#include <concepts>
#include <optional>

#include "base/bytes.hpp"
#include "base/memory.hpp"
#include "base/time.hpp"
#include "base/trace.hpp"

namespace esp_peer {

// Two doors: what may be seen on the wire, and what must stay secret. Both cryptographic outside of
// tests.
class Random {
 public:
  virtual void fill_public(MutableBytes out) = 0;
  virtual void fill_secret(MutableBytes out) = 0;

  template <class T>
  requires std::is_unsigned_v<T> T number() {
    T value = 0;
    fill_public(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }

 protected:
  ~Random() = default;
};

struct Env {
  Memory& memory;
  Random& random;
  Tracer trace;
};

// Whatever the order of inputs: afterwards, drain outputs, then wait for next_deadline().
template <class M>
concept Machine = requires(M m, const M& c, Instant now) {
  { c.next_deadline() } -> std::same_as<std::optional<Instant>>;
  { m.on_deadline(now) } -> std::same_as<void>;
  { m.poll_event() } -> std::same_as<std::optional<typename M::Event>>;
};

}  // namespace esp_peer
