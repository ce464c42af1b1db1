#include "sim/attacker.hpp"

#include "stun/builder.hpp"

namespace esp_peer::sim {
namespace {

constexpr std::size_t kept = 16;
constexpr std::byte application_data{23};

bool is_stun(Bytes datagram) { return !datagram.empty() && datagram[0] <= std::byte{3}; }

}  // namespace

void Attacker::overhear(const Route& route, Bytes datagram) {
  const Route as_victim_sees_it{route.remote, route.local};
  std::pair<Route, std::vector<std::byte>> heard{as_victim_sees_it,
                                                 {datagram.begin(), datagram.end()}};
  if (overheard_.size() < kept) {
    overheard_.push_back(std::move(heard));
  } else {
    overheard_[next_++ % kept] = std::move(heard);
  }
}

void Attacker::attack(Peer& victim) {
  if (!victim.alive() || victim.sockets().empty()) return;
  if (!overheard_.empty() && rng_.chance(0.4)) {
    auto [route, bytes] = overheard_[rng_.below(overheard_.size())];
    bool for_victim = false;
    for (const Address& socket : victim.sockets()) for_victim |= socket == route.local;
    if (!for_victim || !spoil(victim, bytes)) return;
    return victim.inject_worthless(route, bytes, "a spoilt copy");
  }
  const Route route = stranger(victim);
  Attempt attempt = rng_.chance(0.4)   ? noise(route)
                    : rng_.chance(0.6) ? forged_check(route)
                                       : client_hello(route);
  victim.inject_worthless(attempt.route, std::move(attempt.bytes), attempt.what);
}

Attacker::Attempt Attacker::noise(const Route& route) {
  const std::size_t size = rng_.chance(0.3) ? rng_.below(64) : rng_.below(1'500);
  std::vector<std::byte> bytes(size);
  rng_.fill(bytes);
  // Half of it begins like something.
  constexpr std::byte firsts[] = {std::byte{0},  std::byte{1},  std::byte{20}, std::byte{22},
                                  std::byte{23}, std::byte{25}, std::byte{64}, std::byte{128}};
  if (!bytes.empty() && rng_.chance(0.5)) bytes[0] = firsts[rng_.below(std::size(firsts))];
  return {route, std::move(bytes), "noise"};
}

Attacker::Attempt Attacker::forged_check(const Route& route) {
  std::vector<std::byte> room(256);
  stun::TransactionId id;
  rng_.fill(id);
  const auto kind = static_cast<stun::Class>(rng_.below(4));
  stun::Builder check(room, kind, stun::binding, id);
  if (rng_.chance(0.7)) check.username(rng_.chance(0.5) ? "ab:cd" : "someone");
  if (rng_.chance(0.7)) check.priority(static_cast<std::uint32_t>(rng_.next()));
  if (rng_.chance(0.5)) check.controlling(rng_.next());
  if (rng_.chance(0.3)) check.controlled(rng_.next());
  if (rng_.chance(0.3)) check.use_candidate();
  if (kind == stun::Class::success) check.xor_mapped_address(route.local);
  if (kind == stun::Class::error) check.error(rng_.chance(0.5) ? 487 : 401, "no");
  if (rng_.chance(0.2)) check.unknown_attributes(std::vector<std::uint16_t>{0x7FFF});
  room.resize(check.finish());
  return {route, std::move(room), "a forged check"};
}

Attacker::Attempt Attacker::client_hello(const Route& route) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(rng_.between(13, 300)));
  rng_.fill(bytes);
  Writer out(bytes);
  out.u8(22);
  out.u16(0xFEFD);
  out.u64(0);
  out.u16(static_cast<std::uint16_t>(bytes.size() - 13));
  if (bytes.size() > 14) out.u8(1);
  return {route, std::move(bytes), "a stranger's ClientHello"};
}

// Flips a bit where a tag, a checksum or a key must notice it. False: nothing in it is protected.
bool Attacker::spoil(const Peer& victim, std::vector<std::byte>& datagram) {
  std::size_t from = 0, until = datagram.size();
  if (is_stun(datagram)) {
    const auto message = stun::parse(datagram);
    if (!message || !message->has_integrity() || !message->has_fingerprint) return false;
    until -= stun::fingerprint_size;  // behind what the key covers
  } else if (datagram[0] == application_data && victim.state() == peer::State::connected) {
    // A few that overtake their keys are kept, whosever they are.
    from = 13;  // the header names no sender, but a record of another epoch is another record
  } else {
    return false;  // handshakes are only protected as a whole, at their end
  }
  if (until <= from) return false;
  const std::uint64_t bit = from * 8 + rng_.below((until - from) * 8);
  datagram[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
  return true;
}

Route Attacker::stranger(const Peer& victim) {
  const Address& local = victim.sockets()[rng_.below(victim.sockets().size())];
  return {local, Address::v4(203, 0, 113, static_cast<std::uint8_t>(rng_.below(256)),
                             static_cast<std::uint16_t>(rng_.between(1, 65'535)))};
}

}  // namespace esp_peer::sim
