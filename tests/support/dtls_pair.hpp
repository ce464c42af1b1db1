// Two DTLS endpoints and the wire between them, in virtual time, whatever library they stand on.
#pragma once
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/timer_table.hpp"
#include "dtls/endpoint.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::test {

// A backend, and what tests need to know of its library.
struct DtlsLibrary {
  const char* name;
  dtls::Backend& (*backend)();
  // The library's own clock, if it has one, shows this time; then the real one again.
  void (*set_time)(Instant now);
  void (*use_real_time)();
  // The library draws from this seed from now on.
  void (*seed)(std::uint64_t seed);
  // Of the heap, beside Env's memory.
  std::size_t (*bytes)();
  std::size_t (*peak_bytes)();
  void (*reset_peak)();
  // The fingerprint of an identity by another hash than its own.
  dtls::Fingerprint (*fingerprint)(dtls::Identity& identity, dtls::Hash hash);
  // Those of our SRTP profiles that the library knows, in our order.
  std::vector<crypto::SrtpProfile> srtp_profiles;
  // How often the library has drawn, ever; and lets it ask the system once.
  long (*random_draws)() = nullptr;
  void (*seed_from_system)() = nullptr;
};
inline std::ostream& operator<<(std::ostream& out, const DtlsLibrary& library) {
  return out << library.name;
}

using Datagram = std::vector<std::byte>;
inline Datagram joined(const std::vector<Datagram>& parts) {
  Datagram all;
  for (const Datagram& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

struct DtlsSide {
  DtlsSide(const DtlsLibrary& library, std::uint64_t seed, const dtls::Options& options)
      : world(seed),
        backend(library.backend()),
        identity(backend.create_identity(1'700'000'000)),
        endpoint(backend.create_endpoint(options, *identity, world.env)) {}
  DtlsSide(const DtlsSide&) = delete;
  ~DtlsSide() {
    backend.destroy(endpoint);
    backend.release(*identity);
    EXPECT_EQ(world.memory.live, 0u) << "memory is given back";
  }

  Status start(Instant now, dtls::Role role, const dtls::Fingerprint& remote) {
    return endpoint->start(now, role, {&remote, 1});
  }
  // The datagram stands in memory of its own, and goes away at once.
  void deliver(Instant now, const Datagram& datagram) {
    {
      Datagram passing = datagram;
      endpoint->on_datagram(now, passing);
    }
    fetch(now);
  }
  void fetch(Instant now) {
    for (Bytes record = endpoint->read(now); !record.empty(); record = endpoint->read(now)) {
      received.emplace_back(as_text(record));
    }
    while (auto event = endpoint->poll_event()) events.push_back(*event);
  }
  std::vector<Datagram> written(Instant now) {
    std::vector<Datagram> out;
    std::array<std::byte, 1500> room{};
    while (const std::size_t n = endpoint->write_datagram(now, room)) {
      out.emplace_back(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(n));
    }
    return out;
  }
  Datagram seal(Instant now, std::string_view text) {
    Datagram room(text.size() + dtls::Endpoint::seal_overhead);
    room.resize(endpoint->seal(now, as_bytes(text), room));
    return room;
  }

  template <class E>
  std::size_t count() const {
    std::size_t n = 0;
    for (const auto& e : events) n += std::holds_alternative<E>(e) ? 1u : 0u;
    return n;
  }
  std::optional<dtls::FailureReason> failure() const {
    for (const auto& e : events) {
      if (const auto* failed = std::get_if<dtls::Failed>(&e)) return failed->reason;
    }
    return std::nullopt;
  }
  std::string why() const {
    for (const auto& e : events) {
      if (const auto* failed = std::get_if<dtls::Failed>(&e)) return failed->what;
    }
    return "no failure";
  }
  std::uint64_t state() const {
    StateHash hash;
    endpoint->hash_state(hash);
    return hash.value();
  }

  TestEnv world;
  dtls::Backend& backend;
  dtls::Identity* identity;
  dtls::Endpoint* endpoint;
  std::vector<dtls::Endpoint::Event> events;
  std::vector<std::string> received;
};

class DtlsPair {
 public:
  explicit DtlsPair(const DtlsLibrary& library, std::uint64_t seed = 1,
                    const dtls::Options& of_client = {}, const dtls::Options& of_server = {})
      : DtlsPair(library, library, seed, of_client, of_server) {}
  DtlsPair(const DtlsLibrary& of_client, const DtlsLibrary& of_server, std::uint64_t seed,
           const dtls::Options& client_options = {}, const dtls::Options& server_options = {})
      : client_library_(prepared(of_client, now, seed)),
        server_library_(&of_server == &of_client ? of_server : prepared(of_server, now, seed)),
        client(of_client, seed * 2, client_options),
        server(of_server, seed * 2 + 1, server_options) {}
  DtlsPair(const DtlsPair&) = delete;
  ~DtlsPair() {
    client_library_.use_real_time();
    server_library_.use_real_time();
  }

  // Each expects of the other what it is told, or the truth.
  void start(std::optional<dtls::Fingerprint> of_server = {},
             std::optional<dtls::Fingerprint> of_client = {}) {
    ASSERT_TRUE(
        server.start(now, dtls::Role::server, of_client.value_or(client.identity->fingerprint())));
    ASSERT_TRUE(
        client.start(now, dtls::Role::client, of_server.value_or(server.identity->fingerprint())));
  }
  void connect() {
    start();
    run_for(milliseconds(20));
    ASSERT_TRUE(connected());
  }
  // Datagrams take a millisecond; timers run in between.
  void run_for(Duration d) {
    const Instant end = now + d;
    for (int steps = 0; steps < 100'000; ++steps) {
      pump(client, true);
      pump(server, false);
      auto next = earliest(client.endpoint->next_deadline(), server.endpoint->next_deadline());
      if (!flying_.empty()) next = earliest(next, flying_.front().at);
      if (!next || *next > end) return move_to(end);
      move_to(std::max(now, *next));
      while (!flying_.empty() && flying_.front().at <= now) {
        const auto datagram = std::move(flying_.front());
        flying_.pop_front();
        (datagram.to_client ? client : server).deliver(now, datagram.bytes);
      }
      for (DtlsSide* side : {&client, &server}) {
        side->endpoint->on_deadline(now);
        const auto deadline = side->endpoint->next_deadline();
        ASSERT_TRUE(!deadline || *deadline > now) << "a machine never spins";
      }
    }
    FAIL() << "too many steps";
  }
  void move_to(Instant at) {
    now = at;
    client_library_.set_time(clock_stands ? *clock_stands : now);
    server_library_.set_time(clock_stands ? *clock_stands : now);
  }
  bool connected() const { return client.endpoint->connected() && server.endpoint->connected(); }
  DtlsSide& side(dtls::Role role) { return role == dtls::Role::client ? client : server; }

  Instant now = at_ms(5000);

 private:
  const DtlsLibrary& client_library_;
  const DtlsLibrary& server_library_;

 public:
  DtlsSide client, server;
  // The library's clock, where it is wrong.
  std::optional<Instant> clock_stands;
  std::function<bool(bool from_client, Datagram&)> meddle;  // false loses it
  std::vector<Datagram> seen;

 private:
  static const DtlsLibrary& prepared(const DtlsLibrary& library, Instant now, std::uint64_t seed) {
    library.set_time(now);
    library.seed(seed);
    return library;
  }
  struct Flying {
    Instant at;
    bool to_client;
    Datagram bytes;
  };
  void pump(DtlsSide& from, bool is_client) {
    for (Datagram& bytes : from.written(now)) {
      seen.push_back(bytes);
      if (meddle && !meddle(is_client, bytes)) continue;
      flying_.push_back({now + milliseconds(1), !is_client, std::move(bytes)});
    }
    from.fetch(now);
  }
  std::deque<Flying> flying_;
};

}  // namespace esp_peer::test
