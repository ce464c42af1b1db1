#include "tests/support/turn_server.hpp"

#include <algorithm>

#include "backends/openssl/provider.hpp"
#include "stun/xor_address.hpp"

namespace esp_peer::test {
namespace {

namespace error = turn::error;
namespace method = turn::method;
using turn::Attribute;

constexpr Duration permission_lifetime = seconds(300), channel_lifetime = seconds(600);

std::uint16_t type(Attribute attribute) { return static_cast<std::uint16_t>(attribute); }
std::string text(Bytes bytes) { return std::string(as_text(bytes)); }
std::vector<std::byte> copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

std::vector<std::byte> algorithms_md5_and_sha256() {
  std::vector<std::byte> bytes(8);
  Writer w(bytes);
  w.u16(2);  // SHA-256 is preferred
  w.u16(0);
  w.u16(1);
  w.u16(0);
  return bytes;
}

}  // namespace

std::optional<TurnServer::Message> TurnServer::on_message(Instant now, const Address& client,
                                                          Bytes message) {
  if (!message.empty() && (message[0] & std::byte{0xF0}) == std::byte{0x40}) {
    on_channel_data(now, client, message);
    return std::nullopt;
  }
  const auto parsed = stun::parse(message);
  if (!parsed) {
    complain("no STUN");
    return std::nullopt;
  }
  if (parsed->kind == stun::Class::indication && parsed->method == method::send) {
    on_send(now, client, message);
    return std::nullopt;
  }
  if (parsed->kind == stun::Class::indication) ++signs_of_life_;
  if (parsed->kind != stun::Class::request) return std::nullopt;
  const auto request = read(message);
  if (!request) {
    complain("an unreadable request");
    return std::nullopt;
  }
  requests_.push_back(*request);
  if (script_) {
    if (auto answer = script_(*request)) return answer->empty() ? std::nullopt : answer;
  }
  return on_request(now, client, *request, *parsed);
}

std::optional<TurnServer::ToClient> TurnServer::on_peer(Instant now, const Address& relayed,
                                                        const Address& peer, Bytes payload) {
  for (auto& [client, allocation] : allocations_) {
    if (allocation.v4 != relayed && allocation.v6 != relayed) continue;
    if (!find(now, client) || !has_permission(now, client, peer)) return std::nullopt;
    for (const auto& [number, channel] : allocation.channels) {
      if (channel.peer != peer || channel.expires <= now) continue;
      Message bytes(4 + payload.size() + 3);
      Writer w(bytes);
      w.u16(number);
      w.u16(static_cast<std::uint16_t>(payload.size()));
      w.bytes(payload);
      if (options_.stream) w.pad_to_multiple_of(4);
      bytes.resize(w.size());
      return ToClient{client, bytes};
    }
    Message bytes(payload.size() + 100);
    stun::TransactionId id{};
    Writer(id).u32(next_port_ * 7919u + static_cast<unsigned>(payload.size()));
    stun::Builder b(bytes, stun::Class::indication, method::data, id);
    b.xor_address(type(Attribute::xor_peer_address), peer);
    b.attribute(type(Attribute::data), payload);
    bytes.resize(b.finish());
    return ToClient{client, bytes};
  }
  return std::nullopt;
}

void TurnServer::restart() {
  allocations_.clear();
  nonce_.clear();
}

void TurnServer::set_realm(std::string realm) {
  options_.realm = std::move(realm);
  nonce_.clear();
}

TurnServer::Message TurnServer::response(const Request& request, std::uint16_t code, bool is_signed,
                                         const std::function<void(stun::Builder&)>& fill) {
  Message bytes(4096);
  stun::Builder b(bytes, code == 0 ? stun::Class::success : stun::Class::error, request.method,
                  request.id);
  if (code != 0) b.error(code, "why");
  if (fill) fill(b);
  if (is_signed) {
    const bool sha256 = request.algorithm.has_value();
    const auto secret = key(options_.realm, request.algorithm == 2);
    sha256 ? b.integrity_sha256(openssl::provider(), secret)
           : b.integrity(openssl::provider(), secret);
  }
  bytes.resize(b.finish());
  return bytes;
}

std::size_t TurnServer::count(std::uint16_t method) const {
  return static_cast<std::size_t>(std::count_if(
      requests_.begin(), requests_.end(), [&](const Request& r) { return r.method == method; }));
}

std::size_t TurnServer::allocations(Instant now) const {
  return static_cast<std::size_t>(
      std::count_if(allocations_.begin(), allocations_.end(),
                    [&](const auto& a) { return a.second.expires > now; }));
}

bool TurnServer::has_permission(Instant now, const Address& client, const Address& peer) const {
  const auto allocation = allocations_.find(client);
  if (allocation == allocations_.end()) return false;
  const auto at = allocation->second.permissions.find(peer.with_port(0));
  return at != allocation->second.permissions.end() && at->second > now;
}

bool TurnServer::has_channel(Instant now, const Address& client, const Address& peer) const {
  const auto allocation = allocations_.find(client);
  if (allocation == allocations_.end()) return false;
  for (const auto& [number, channel] : allocation->second.channels) {
    if (channel.peer == peer && channel.expires > now) return true;
  }
  return false;
}

std::optional<TurnServer::Request> TurnServer::read(Bytes message) {
  const auto parsed = stun::parse(message);
  if (!parsed) return std::nullopt;
  Request r;
  r.method = parsed->method;
  r.id = parsed->id;
  r.has_integrity = parsed->has_integrity() || parsed->has_integrity_sha256();
  auto attributes = parsed->attributes();
  while (const auto a = attributes.next()) {
    Reader value(a->value);
    if (a->type == 0x0006) r.username = text(a->value);
    switch (static_cast<Attribute>(a->type)) {
      case Attribute::channel_number:
        r.channel = value.u16();
        break;
      case Attribute::lifetime:
        r.lifetime = value.u32();
        break;
      case Attribute::xor_peer_address:
        r.peer = stun::read_xor_address(a->value, parsed->id);
        break;
      case Attribute::realm:
        r.realm = text(a->value);
        break;
      case Attribute::nonce:
        r.nonce = text(a->value);
        break;
      case Attribute::requested_address_family:
        r.family = static_cast<turn::Family>(value.u8());
        break;
      case Attribute::additional_address_family:
        r.additional_family = static_cast<turn::Family>(value.u8());
        break;
      case Attribute::requested_transport:
        if (value.u8() != 17) return std::nullopt;
        break;
      case Attribute::userhash:
        r.userhash = copy(a->value);
        break;
      case Attribute::password_algorithms:
        r.algorithms = copy(a->value);
        break;
      case Attribute::password_algorithm:
        r.algorithm = value.u16();
        break;
      default:
        break;
    }
  }
  return r;
}

// [rfc8489#9.2.4]
std::optional<TurnServer::Message> TurnServer::on_request(Instant now, const Address& client,
                                                          const Request& request,
                                                          const stun::Message& parsed) {
  if (!request.has_integrity) return challenge(request, error::unauthenticated);
  if (options_.anonymous ? !request.userhash : request.username.empty()) {
    complain("a signed request of nobody");
    return response(request, error::bad_request, false);
  }
  const bool offered = options_.sha256;
  if (offered != request.algorithm.has_value() || offered != request.algorithms.has_value() ||
      (offered && request.algorithms != algorithms_md5_and_sha256())) {
    complain("other password algorithms than were offered");
    return response(request, error::bad_request, false);
  }
  const auto hash = openssl::provider().sha256(as_bytes(options_.user + ":" + options_.realm));
  const bool known =
      options_.anonymous ? equal(*request.userhash, hash) : request.username == options_.user;
  if (!known) return challenge(request, error::unauthenticated);
  const auto secret = key(request.realm, request.algorithm == 2);
  const bool right = offered ? parsed.integrity_sha256_matches(openssl::provider(), secret)
                             : parsed.integrity_matches(openssl::provider(), secret);
  const bool stale = request.nonce != nonce_ || nonce_.empty() || request.realm != options_.realm;
  if (!right && !stale) return challenge(request, error::unauthenticated);
  if (stale) return challenge(request, error::stale_nonce);
  if (options_.stale_at_each_refresh && request.method == method::refresh) {
    // The one behind it, with its new nonce, is obeyed.
    if (told_stale_.insert(client).second) {
      nonce_.clear();
      return challenge(request, error::stale_nonce);
    }
    told_stale_.erase(client);
  }
  if (options_.nonce_for_one_request) nonce_.clear();
  return serve(now, client, request);
}

std::optional<TurnServer::Message> TurnServer::serve(Instant now, const Address& client,
                                                     const Request& request) {
  if (request.method == method::allocate) return allocate(now, client, request);
  Allocation* allocation = find(now, client);
  if (!allocation) return response(request, error::allocation_mismatch, true);
  if (request.method == method::refresh) {
    const auto lifetime = request.lifetime == 0u
                              ? std::uint32_t{0}
                              : static_cast<std::uint32_t>(options_.lifetime / seconds(1));
    allocation->expires = now + seconds(lifetime);
    return response(request, 0, true,
                    [&](stun::Builder& b) { turn::write_u32(b, Attribute::lifetime, lifetime); });
  }
  if (!request.peer) {
    complain("no XOR-PEER-ADDRESS");
    return response(request, error::bad_request, true);
  }
  const Address& peer = *request.peer;
  if (peer.is_v4() ? !allocation->v4 : !allocation->v6) {
    return response(request, error::peer_family_mismatch, true);
  }
  if (options_.forbidden.contains(peer)) return response(request, error::forbidden, true);
  if (request.method == method::channel_bind) {
    const std::uint16_t number = request.channel.value_or(0);
    bool fine = number >= 0x4000 && number <= 0x4FFF;
    for (const auto& [other, channel] : allocation->channels) {
      if (channel.expires + seconds(300) <= now) continue;  // [rfc8656#12]
      fine = fine && (other == number) == (channel.peer == peer);
    }
    if (!fine) {
      complain("a channel bound anew too early");
      return response(request, error::bad_request, true);
    }
    allocation->channels[number] = {peer, now + channel_lifetime};
  }
  allocation->permissions[peer.with_port(0)] = now + permission_lifetime;
  return response(request, 0, true);
}

TurnServer::Message TurnServer::allocate(Instant now, const Address& client,
                                         const Request& request) {
  if (Allocation* known = find(now, client)) {
    if (known->made_by != request.id) return response(request, error::allocation_mismatch, true);
  } else {
    Allocation fresh;
    fresh.made_by = request.id;
    fresh.expires = now + options_.lifetime;
    fresh.user = request.username;
    const bool only_v6 = request.family == turn::Family::v6;
    if (only_v6 && !options_.relay_v6) {
      return response(request, error::family_not_supported, true);
    }
    if (!only_v6) fresh.v4 = options_.relay_v4.with_port(next_port_++);
    if ((only_v6 || request.additional_family) && options_.relay_v6) {
      fresh.v6 = options_.relay_v6->with_port(next_port_++);
    }
    allocations_[client] = fresh;
    for (const auto& relayed : {fresh.v4, fresh.v6}) {
      if (relayed && on_allocated) on_allocated(*relayed);
    }
  }
  const Allocation& a = allocations_[client];
  return response(request, 0, true, [&](stun::Builder& b) {
    if (a.v4) b.xor_address(type(Attribute::xor_relayed_address), *a.v4);
    if (a.v6) b.xor_address(type(Attribute::xor_relayed_address), *a.v6);
    b.xor_mapped_address(client);
    turn::write_u32(b, Attribute::lifetime,
                    static_cast<std::uint32_t>(options_.lifetime / seconds(1)));
  });
}

void TurnServer::on_send(Instant now, const Address& client, Bytes message) {
  const auto m = turn::parse(message);
  Allocation* allocation = find(now, client);
  if (!m || !m->peer || !m->data || !allocation) return;
  if (!has_permission(now, client, *m->peer)) return complain("data without permission");
  const auto from = m->peer->is_v4() ? allocation->v4 : allocation->v6;
  if (from) to_peers_.push_back({*from, *m->peer, copy(*m->data)});
}

void TurnServer::on_channel_data(Instant now, const Address& client, Bytes message) {
  Reader r(message);
  const std::uint16_t number = r.u16(), length = r.u16();
  const Bytes payload = r.bytes(length);
  Allocation* allocation = find(now, client);
  if (!r.ok()) return complain("ChannelData cut short");
  if (options_.stream && message.size() % 4 != 0) return complain("ChannelData without padding");
  if (!allocation) return;
  const auto channel = allocation->channels.find(number);
  if (channel == allocation->channels.end() || channel->second.expires <= now ||
      !has_permission(now, client, channel->second.peer)) {
    return complain("data on a channel that is not bound");
  }
  const Address& peer = channel->second.peer;
  to_peers_.push_back({peer.is_v4() ? *allocation->v4 : *allocation->v6, peer, copy(payload)});
}

TurnServer::Allocation* TurnServer::find(Instant now, const Address& client) {
  const auto at = allocations_.find(client);
  if (at == allocations_.end()) return nullptr;
  if (at->second.expires > now) return &at->second;
  allocations_.erase(at);
  return nullptr;
}

std::vector<std::byte> TurnServer::key(const std::string& realm, bool sha256) const {
  const std::string joined = options_.user + ":" + realm + ":" + options_.password;
  if (sha256) return copy(openssl::provider().sha256(as_bytes(joined)));
  return copy(openssl::provider().md5(as_bytes(joined)));
}

std::string& TurnServer::nonce() {
  if (nonce_.empty()) {
    // [rfc8489#9.2, #18.1] Bits 0 and 1 of 24.
    if (options_.sha256 || options_.anonymous) {
      nonce_ = "obMatJos2";
      nonce_ += options_.sha256 ? (options_.anonymous ? 'w' : 'g') : 'Q';
      nonce_ += "AAA";
    }
    nonce_ += "nonce" + std::to_string(++nonces_);
  }
  return nonce_;
}

void TurnServer::add_challenge(stun::Builder& b) {
  b.attribute(type(Attribute::realm), as_bytes(options_.realm));
  b.attribute(type(Attribute::nonce), as_bytes(nonce()));
  if (options_.sha256) {
    b.attribute(type(Attribute::password_algorithms), algorithms_md5_and_sha256());
  }
}

TurnServer::Message TurnServer::challenge(const Request& request, std::uint16_t code) {
  return response(request, code, false, [&](stun::Builder& b) { add_challenge(b); });
}

}  // namespace esp_peer::test
