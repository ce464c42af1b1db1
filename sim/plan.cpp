#include "sim/plan.hpp"

#include <cstdio>

namespace esp_peer::sim {
namespace {

constexpr double p_real_cipher = 0.15;  // handshakes cost a hundred times what the plain ones do
constexpr double p_mbedtls = 0.04;      // of the others: at one end or both, and it takes its time
constexpr double p_fault = 0.25;        // of each fault in a run

Ciphers draw_cipher(Rng rng) {
  if (rng.chance(p_real_cipher)) return Cipher::openssl;
  if (!rng.chance(p_mbedtls)) return Cipher::plain;
  constexpr Ciphers with_mbedtls[] = {
      Cipher::mbedtls, {Cipher::openssl, Cipher::mbedtls}, {Cipher::mbedtls, Cipher::openssl}};
  return with_mbedtls[rng.below(std::size(with_mbedtls))];
}

LinkOptions draw_link(Rng& rng, bool lossy, bool bursty, bool jumpy, bool doubling, bool corrupt,
                      bool narrow) {
  LinkOptions link;
  link.delay =
      rng.chance(0.1) ? milliseconds(rng.between(0, 1)) : milliseconds(rng.between(2, 150));
  if (lossy) link.loss = 0.01 + rng.fraction() * 0.24;
  if (bursty) {
    link.burst_begin = 0.002 + rng.fraction() * 0.02;
    link.burst_end = 0.1 + rng.fraction() * 0.4;
  }
  if (jumpy) {
    link.jitter = milliseconds(rng.between(1, 200));
    link.reorder = rng.chance(0.7);
  }
  if (doubling) link.duplication = 0.01 + rng.fraction() * 0.3;
  if (corrupt) link.corruption = 0.002 + rng.fraction() * 0.05;
  if (narrow) {
    link.rate = rng.between(20'000, 2'000'000);
    link.queue = std::max<std::int64_t>(6'000, link.rate / rng.between(2, 20));
  }
  return link;
}

NatOptions draw_nat(Rng& rng) {
  NatOptions nat;
  nat.mapping = rng.chance(0.8) ? Dependence::none : Dependence::address_and_port;
  nat.filtering = static_cast<Dependence>(rng.below(3));
  return nat;
}

void draw_outages(Rng& rng, Plan& plan) {
  for (std::int64_t n = rng.between(1, 3); n > 0; --n) {
    const Instant from = Timeline::beginning + milliseconds(rng.between(0, 30'000));
    const Outage outage{from, from + milliseconds(rng.between(100, 20'000))};
    plan.there.outages.push_back(outage);
    if (rng.chance(0.7)) plan.back.outages.push_back(outage);
  }
}

void draw_topology(Rng& rng, Plan& plan) {
  plan.two_addresses = rng.chance(0.3);
  plan.ipv6 = rng.chance(0.2);
  plan.stun_server = rng.chance(0.3);
  if (rng.chance(0.25)) {
    plan.stun_server = true;
    plan.left_nat = draw_nat(rng);
    if (rng.chance(0.5)) plan.right_nat = draw_nat(rng);
  }
  plan.both_offer = rng.chance(0.15);
  plan.trickle = rng.chance(0.25);
  plan.duplicate_signals = rng.chance(0.1);
  plan.signalling_delay = milliseconds(rng.between(0, 400));
  plan.start_gap = rng.chance(0.3) ? milliseconds(rng.between(0, 5'000)) : Duration(0);
}

void draw_faults(Rng& rng, Plan& plan) {
  const bool lossy = rng.chance(p_fault), bursty = rng.chance(p_fault / 2);
  const bool jumpy = rng.chance(p_fault), doubling = rng.chance(p_fault);
  const bool corrupt = rng.chance(p_fault / 2), narrow = rng.chance(p_fault);
  plan.there = draw_link(rng, lossy, bursty, jumpy, doubling, corrupt, narrow);
  plan.back = rng.chance(0.3) ? plan.there
                              : draw_link(rng, lossy && rng.chance(0.7), bursty, jumpy, doubling,
                                          corrupt, narrow && rng.chance(0.5));
  if (rng.chance(p_fault / 2)) draw_outages(rng, plan);
  plan.attacker = rng.chance(p_fault);
  plan.slow_reader = rng.chance(p_fault / 2);
  plan.closes_channels = rng.chance(0.35);
  if (rng.chance(0.06)) plan.allocation_fails = rng.below(600);
  if (rng.chance(p_fault)) plan.lateness = milliseconds(rng.between(1, 30));
  if (rng.chance(p_fault)) plan.batch = static_cast<std::size_t>(rng.between(1, 3));
  plan.auto_reconnect = rng.chance(0.5);
}

void draw_workload(Rng& rng, Plan& plan) {
  if (rng.chance(0.3)) {
    plan.send_buffer = static_cast<std::uint32_t>(rng.between(1'500, 20'000));
    plan.receive_buffer = static_cast<std::uint32_t>(rng.between(1'500, 20'000));
  }
  plan.channels = rng.chance(0.5) ? 0 : static_cast<int>(rng.between(1, 6));
  plan.messages = static_cast<int>(rng.between(1, 30));
  // Above it a message can never be sent, or never be received.
  const auto most = std::min(plan.send_buffer, plan.receive_buffer) / 2;
  plan.largest_message =
      rng.chance(0.3)
          ? most
          : std::min<std::size_t>(most, static_cast<std::size_t>(rng.between(24, 3'000)));
  plan.workload_time = milliseconds(rng.between(0, 4'000));
  plan.ending = static_cast<Ending>(rng.below(5));
}

}  // namespace

bool Plan::must_connect() const {
  const auto bad = [](const LinkOptions& link) {
    // One datagram on three is more than the checks and handshakes have to live with.
    return link.loss > 0.2 || link.burst_begin > 0 || !link.outages.empty() ||
           link.corruption > 0.01 || link.rate != 0;
  };
  return can_connect() && !bad(there) && !bad(back) && !allocation_fails;
}

bool Plan::can_connect() const {
  const auto strict = [](const std::optional<NatOptions>& nat) {
    return nat && nat->mapping != Dependence::none;
  };
  const auto picky = [](const std::optional<NatOptions>& nat) {
    return nat && nat->filtering == Dependence::address_and_port;
  };
  const bool both = left_nat && right_nat;
  return !both || (!(strict(left_nat) && (strict(right_nat) || picky(right_nat))) &&
                   !(strict(right_nat) && picky(left_nat)));
}

std::string Plan::text() const {
  std::string text = "seed " + std::to_string(seed) + ", DTLS: " + name_of(cipher);
  const auto link = [&](const char* name, const LinkOptions& o) {
    char line[256];
    std::snprintf(line, sizeof(line),
                  "\n  %s: delay %lld ms, jitter %lld ms%s, loss %.3f, bursts %.3f, doubled %.3f, "
                  "corrupt %.3f, rate %lld B/s, queue %lld B, outages %zu",
                  name, static_cast<long long>(o.delay.count() / 1000),
                  static_cast<long long>(o.jitter.count() / 1000), o.reorder ? " reordering" : "",
                  o.loss, o.burst_begin, o.duplication, o.corruption,
                  static_cast<long long>(o.rate), static_cast<long long>(o.queue),
                  o.outages.size());
    text += line;
  };
  link("there", there);
  link("back ", back);
  const auto flag = [&](bool on, const char* name) {
    if (on) text += std::string(", ") + name;
  };
  text += "\n  " + std::to_string(channels) + " more channels, " + std::to_string(messages) +
          " messages up to " + std::to_string(largest_message) + " bytes, buffers " +
          std::to_string(send_buffer) + "/" + std::to_string(receive_buffer) + ", batch " +
          std::to_string(batch) + ", ending " + std::to_string(static_cast<int>(ending));
  flag(left_nat.has_value(), "left behind a box");
  flag(right_nat.has_value(), "right behind a box");
  flag(stun_server, "STUN server");
  flag(two_addresses, "two addresses");
  flag(ipv6, "IPv6");
  flag(both_offer, "both offer");
  flag(trickle, "trickle");
  flag(duplicate_signals, "signals doubled");
  flag(auto_reconnect, "reconnects");
  flag(attacker, "attacker");
  flag(slow_reader, "slow reader");
  flag(closes_channels, "closes channels");
  flag(allocation_fails.has_value(), "an allocation fails");
  flag(lateness.count() > 0, "late timers");
  return text;
}

Plan draw_plan(std::uint64_t seed) {
  Plan plan;
  plan.seed = seed;
  Rng topology(seed, "plan.topology"), faults(seed, "plan.faults"), work(seed, "plan.work");
  plan.cipher = draw_cipher(Rng(seed, "plan.cipher"));
  draw_topology(topology, plan);
  draw_faults(faults, plan);
  draw_workload(work, plan);
  return plan;
}

}  // namespace esp_peer::sim
