// Two associations over a link that loses, doubles, reorders and corrupts, in virtual time.
#pragma once
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backends/openssl/provider.hpp"
#include "sctp/association.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::sctp {

using test::at_ms;

struct Link {
  double loss = 0, duplication = 0, corruption = 0;
  std::int64_t delay_ms = 10, jitter_ms = 0;
};

struct Received {
  std::uint16_t stream;
  std::uint32_t ppid;
  std::string body;
};

struct Side {
  Side(std::uint64_t seed, const Options& options)
      : world(seed), association(options, openssl::provider(), world.env) {}
  test::TestEnv world;
  Association association;
  std::vector<Association::Event> events;
  std::vector<Received> received;
  std::size_t restarts = 0;  // of the other side, that were read
  bool reads = true;

  template <class E>
  std::size_t count() const {
    std::size_t n = 0;
    for (const auto& e : events) n += std::holds_alternative<E>(e) ? 1u : 0u;
    return n;
  }
};

class Pair {
 public:
  explicit Pair(std::uint64_t seed = 1, Options a = {}, Options b = {})
      : left(seed * 2 + 1, a), right(seed * 2 + 2, b), random_(seed) {}

  void connect(bool both = true) {
    ASSERT_TRUE(left.association.connect(now));
    if (both) {
      ASSERT_TRUE(right.association.connect(now));
    }
    run_for(seconds(1));
    ASSERT_TRUE(left.association.connected() && right.association.connected());
  }
  // All that it knew is gone, and it begins anew. What is on its way to it still arrives.
  void forget(Side& side, const Options& options = {}) {
    std::destroy_at(&side.association);
    std::construct_at(&side.association, options, openssl::provider(), side.world.env);
    ASSERT_TRUE(side.association.connect(now));
  }
  void run_for(Duration d) { run_until(now + d); }
  void run_until(Instant end) {
    for (int steps = 0; steps < 2'000'000; ++steps) {
      pump(left, true);
      pump(right, false);
      auto next = earliest(left.association.next_deadline(), right.association.next_deadline());
      if (!in_flight_.empty()) next = earliest(next, in_flight_.begin()->first);
      if (!next || *next > end) {
        now = end;
        return;
      }
      now = std::max(now, *next);
      while (!in_flight_.empty() && in_flight_.begin()->first <= now) {
        const auto datagram = in_flight_.extract(in_flight_.begin()).mapped();
        (datagram.to_left ? left : right).association.on_packet(now, datagram.bytes);
      }
      for (Side* side : {&left, &right}) {
        side->association.on_deadline(now);
        const auto deadline = side->association.next_deadline();
        ASSERT_TRUE(!deadline || *deadline > now) << "a machine never spins";
      }
    }
    FAIL() << "too many steps";
  }
  Status send(Side& side, std::uint16_t stream, std::string_view body, const SendOptions& how) {
    return side.association.send(now, StreamId{stream}, Ppid{51}, as_bytes(body), how);
  }
  Status send(Side& side, std::uint16_t stream, std::string_view body, bool unordered = false) {
    return side.association.send(now, StreamId{stream}, Ppid{51}, as_bytes(body),
                                 {.unordered = unordered});
  }

  Instant now = at_ms(1000);
  Side left, right;
  Link link;
  // Sees each packet on its way; false loses it.
  std::function<bool(bool from_left, std::vector<std::byte>&)> meddle;
  std::size_t packets = 0;

 private:
  struct Datagram {
    bool to_left;
    std::vector<std::byte> bytes;
  };
  void pump(Side& side, bool is_left) {
    std::array<std::byte, 1300> room{};
    while (const std::size_t n = side.association.write_packet(now, room)) {
      ++packets;
      std::vector<std::byte> bytes(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(n));
      if (meddle && !meddle(is_left, bytes)) continue;
      for (int copies = chance(link.duplication) ? 2 : 1; copies > 0; --copies) {
        if (chance(link.loss)) continue;
        auto copy = bytes;
        if (chance(link.corruption)) copy[random_() % copy.size()] ^= std::byte{0x10};
        const auto jitter =
            static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(link.jitter_ms + 1));
        in_flight_.emplace(now + milliseconds(link.delay_ms + jitter), Datagram{!is_left, copy});
      }
    }
    while (auto event = side.association.poll_event()) side.events.push_back(*event);
    while (side.reads) {
      const auto message = side.association.read_message(now);
      if (!message) break;
      if (message->restart) {
        ++side.restarts;
        continue;
      }
      side.received.push_back({static_cast<std::uint16_t>(message->stream),
                               static_cast<std::uint32_t>(message->ppid),
                               std::string(as_text(message->body.bytes()))});
    }
  }
  bool chance(double p) { return p > 0 && std::uniform_real_distribution<>(0, 1)(random_) < p; }

  std::mt19937_64 random_;
  std::multimap<Instant, Datagram> in_flight_;
};

}  // namespace esp_peer::sctp
