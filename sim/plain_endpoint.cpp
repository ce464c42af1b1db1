#include "sim/plain_endpoint.hpp"

#include <algorithm>

#include "crypto/crc32.hpp"

namespace esp_peer::sim {
namespace {

// Records look like DTLS 1.2 with AES-GCM, so that sizes are those of the real thing and a capture
// can be read.
constexpr std::uint8_t alert = 21, handshake = 22, application_data = 23;
constexpr std::uint16_t version = 0xFEFD;
constexpr std::size_t header_size = 13, nonce_size = 8, tag_size = 16;
static_assert(header_size + nonce_size == dtls::Endpoint::seal_front);
static_assert(dtls::Endpoint::seal_front + tag_size == dtls::Endpoint::seal_overhead);

void write_header(Writer& out, std::uint8_t type, std::uint16_t epoch, std::uint64_t sequence,
                  std::size_t size) {
  out.u8(type);
  out.u16(version);
  out.u16(epoch);
  out.u16(static_cast<std::uint16_t>(sequence >> 32));
  out.u32(static_cast<std::uint32_t>(sequence));
  out.u16(static_cast<std::uint16_t>(size));
}

}  // namespace

PlainIdentity::PlainIdentity(crypto::Provider& crypto, const PlainCertificate& certificate)
    : certificate_(certificate) {
  fingerprint_.size = 32;
  copy_bytes(crypto.sha256(certificate_), fingerprint_.digest);
}

PlainEndpoint::PlainEndpoint(const dtls::Options& options, PlainIdentity& identity,
                             crypto::Provider& crypto, Env env)
    : options_(options), identity_(identity), crypto_(crypto), env_(env) {}

Status PlainEndpoint::start(Instant now, dtls::Role role,
                            std::span<const dtls::Fingerprint> remote) {
  if (state_ != State::idle) return Error{Errc::wrong_state, "the handshake has begun before"};
  for (const auto& fingerprint : remote) remote_.push_back(fingerprint);
  if (remote_.empty()) return Error{Errc::bad_data, "no fingerprint to compare with"};
  role_ = role;
  state_ = State::hello;
  env_.random.fill_public(role == dtls::Role::client ? client_random_ : server_random_);
  if (role == dtls::Role::client) send_flight(now, Kind::client_hello);
  return {};
}

void PlainEndpoint::close(Instant) {
  owes_close_ = state_ == State::connected;
  due_ = Kind::none;
  deadline_.reset();
  state_ = State::ended;
}

std::size_t PlainEndpoint::seal(Instant, Bytes plaintext, MutableBytes out) {
  if (!connected() || plaintext.empty()) return 0;
  return write_record(application_data, plaintext, out);
}

void PlainEndpoint::on_datagram(Instant now, MutableBytes datagram) {
  plaintext_ = {};
  if (state_ == State::idle || state_ == State::ended) return;
  Reader in(datagram);
  const std::uint8_t type = in.u8();
  if (in.u16() != version) return;
  in.skip(8);
  const Bytes body = in.bytes(in.u16());
  if (!in.ok() || in.remaining() != 0) return;
  if (type == handshake) return on_handshake(now, body);
  if (connected() && (type == application_data || type == alert)) on_record(datagram);
}

void PlainEndpoint::on_deadline(Instant now) {
  if (!deadline_ || *deadline_ > now) return;
  due_ = flight_;
  wait_ = std::min(wait_ * 2, longest_wait);
  deadline_ = now + wait_;
}

std::size_t PlainEndpoint::write_datagram(Instant, MutableBytes out) {
  if (due_ != Kind::none) return write_handshake(std::exchange(due_, Kind::none), out);
  if (!std::exchange(owes_close_, false)) return 0;
  const std::byte close_notify[] = {std::byte{1}, std::byte{0}};
  return write_record(alert, close_notify, out);
}

std::optional<dtls::Endpoint::Event> PlainEndpoint::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_[0];
  events_.erase(0);
  return event;
}

Bytes PlainEndpoint::read(Instant) { return std::exchange(plaintext_, {}); }

std::optional<Instant> PlainEndpoint::next_deadline() const { return deadline_; }

Status PlainEndpoint::export_keys(std::string_view label, MutableBytes out) const {
  if (!connected()) return Error{Errc::wrong_state, "no keys before the handshake"};
  const Bytes parts[] = {as_bytes(label)};
  const auto digest = crypto_.hmac_sha256(key_, parts);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = digest[i % digest.size()];
  return {};
}

void PlainEndpoint::hash_state(StateHash& hash) const {
  hash.add(state_);
  hash.add(flight_);
  hash.add(due_);
  hash.add(key_);
  hash.add(profile_ ? static_cast<std::uint16_t>(*profile_) : std::uint16_t{0});
  hash.add(deadline_.value_or(Instant::max()));
  hash.add(next_sequence_);
  hash.add(newest_);
  hash.add(window_);
  hash.add(events_.size());
}

// ---------------------------------------------------------------- the handshake

void PlainEndpoint::on_handshake(Instant now, Bytes body) {
  if (body.size() < 4) return;
  Reader check(body.last(4));
  if (check.u32() != crypto::crc32(body.first(body.size() - 4))) return;
  Reader in(body.first(body.size() - 4));
  const Kind kind{in.u8()};
  const Bytes nonce = in.bytes(32), rest = in.rest();
  if (!in.ok()) return;
  switch (kind) {
    case Kind::client_hello:
      return role_ == dtls::Role::server ? on_client_hello(now, nonce, rest) : void();
    case Kind::server_hello:
      return role_ == dtls::Role::client ? on_server_hello(now, nonce, rest) : void();
    case Kind::client_finished:
      return role_ == dtls::Role::server ? on_client_finished(rest, nonce) : void();
    case Kind::server_finished:
      return role_ == dtls::Role::client ? on_server_finished(nonce) : void();
    case Kind::none:
      return;
  }
}

void PlainEndpoint::on_client_hello(Instant now, Bytes random, Bytes profiles) {
  if (state_ == State::hello) {
    copy_bytes(random, client_random_);
    choose_profile(profiles);
    state_ = State::finishing;
    send_flight(now, Kind::server_hello);
  } else if (state_ == State::finishing && equal(random, client_random_)) {
    due_ = Kind::server_hello;
  }
}

void PlainEndpoint::on_server_hello(Instant now, Bytes random, Bytes profile_and_certificate) {
  Reader in(profile_and_certificate);
  const std::uint16_t profile = in.u16();
  const Bytes certificate = in.rest();
  if (state_ != State::hello || !in.ok()) return;
  if (!accept_profile(profile) || !accept_certificate(certificate)) return;
  copy_bytes(random, server_random_);
  make_key(certificate, identity_.certificate());
  state_ = State::finishing;
  send_flight(now, Kind::client_finished);
}

void PlainEndpoint::on_client_finished(Bytes certificate, Bytes proof) {
  if (state_ == State::connected) {
    if (equal(proof, proof_of(Kind::client_finished))) due_ = Kind::server_finished;
    return;
  }
  if (state_ != State::finishing || !accept_certificate(certificate)) return;
  make_key(identity_.certificate(), certificate);
  if (!equal(proof, proof_of(Kind::client_finished))) return;
  state_ = State::connected;
  due_ = flight_ = Kind::server_finished;
  deadline_.reset();
  events_.push_back(dtls::Connected{});
}

void PlainEndpoint::on_server_finished(Bytes proof) {
  if (state_ != State::finishing || !equal(proof, proof_of(Kind::server_finished))) return;
  state_ = State::connected;
  deadline_.reset();
  events_.push_back(dtls::Connected{});
}

// [rfc5764#4.1.2] By the server's order, among the client's.
void PlainEndpoint::choose_profile(Bytes offered) {
  for (const crypto::SrtpProfile ours : options_.srtp_profiles) {
    for (Reader in(offered); in.remaining() >= 2;) {
      if (in.u16() != static_cast<std::uint16_t>(ours)) continue;
      profile_ = ours;
      return;
    }
  }
}

bool PlainEndpoint::accept_profile(std::uint16_t chosen) {
  if (chosen == 0) return true;
  for (const crypto::SrtpProfile ours : options_.srtp_profiles) {
    if (chosen != static_cast<std::uint16_t>(ours)) continue;
    profile_ = ours;
    return true;
  }
  end(dtls::Failed{dtls::FailureReason::handshake, "an SRTP profile that was not offered"});
  return false;
}

bool PlainEndpoint::accept_certificate(Bytes certificate) {
  const auto digest = crypto_.sha256(certificate);
  for (const dtls::Fingerprint& expected : remote_) {
    if (expected.hash == dtls::Hash::sha256 && equal(digest, expected.bytes())) return true;
  }
  end(dtls::Failed{dtls::FailureReason::fingerprint_mismatch,
                   "the certificate is not the described one"});
  return false;
}

void PlainEndpoint::make_key(Bytes server_certificate, Bytes client_certificate) {
  const Bytes parts[] = {client_random_, server_random_, server_certificate, client_certificate};
  key_ = crypto_.hmac_sha256(as_bytes("plain"), parts);
}

crypto::Sha256Digest PlainEndpoint::proof_of(Kind kind) const {
  const auto byte = static_cast<std::byte>(kind);
  const Bytes parts[] = {Bytes(&byte, 1)};
  return crypto_.hmac_sha256(key_, parts);
}

void PlainEndpoint::send_flight(Instant now, Kind kind) {
  flight_ = due_ = kind;
  wait_ = options_.first_retransmission;
  deadline_ = now + wait_;
}

void PlainEndpoint::end(const Event& why) {
  state_ = State::ended;
  due_ = Kind::none;
  deadline_.reset();
  events_.push_back(why);
}

std::size_t PlainEndpoint::write_handshake(Kind kind, MutableBytes out) {
  std::array<std::byte, 1 + 32 + 2 + sizeof(PlainCertificate) + 4> room;
  Writer body(room);
  body.u8(static_cast<std::uint8_t>(kind));
  if (kind == Kind::client_hello) {
    body.bytes(client_random_);
    for (const auto profile : options_.srtp_profiles) body.u16(static_cast<std::uint16_t>(profile));
  }
  if (kind == Kind::server_hello) {
    body.bytes(server_random_);
    body.u16(profile_ ? static_cast<std::uint16_t>(*profile_) : std::uint16_t{0});
  }
  if (kind == Kind::client_finished || kind == Kind::server_finished) body.bytes(proof_of(kind));
  if (kind == Kind::server_hello || kind == Kind::client_finished) {
    body.bytes(identity_.certificate());
  }
  body.u32(crypto::crc32(body.written()));
  Writer record(out);
  write_header(record, handshake, 0, next_sequence_++, body.size());
  record.bytes(body.written());
  return record.ok() ? record.size() : 0;
}

// ---------------------------------------------------------------- records

void PlainEndpoint::on_record(MutableBytes record) {
  if (record.size() < seal_overhead) return;
  Reader in(record);
  const std::uint8_t type = in.u8();
  in.skip(4);
  const std::uint64_t sequence = static_cast<std::uint64_t>(in.u16()) << 32 | in.u32();
  in.skip(2 + nonce_size);
  const Bytes plaintext = in.bytes(in.remaining() - tag_size);
  const dtls::Role sender = role_ == dtls::Role::client ? dtls::Role::server : dtls::Role::client;
  const std::uint64_t tag = tag_of(sender, record.first(seal_front), plaintext);
  if (in.u64() != tag || in.u64() != ~tag || !accept_sequence(sequence)) return;
  if (type == alert) return end(dtls::Closed{});
  plaintext_ = plaintext;
}

std::size_t PlainEndpoint::write_record(std::uint8_t type, Bytes plaintext, MutableBytes out) {
  if (out.size() < plaintext.size() + seal_overhead) return 0;
  // First to its place: the header may be written where it stands now.
  copy_bytes(plaintext, out.subspan(seal_front));
  const std::uint64_t sequence = next_sequence_++;
  Writer front(out.first(seal_front));
  write_header(front, type, 1, sequence, nonce_size + plaintext.size() + tag_size);
  front.u64(sequence);
  const std::uint64_t tag =
      tag_of(role_, front.written(), out.subspan(seal_front, plaintext.size()));
  Writer back(out.subspan(seal_front + plaintext.size()));
  back.u64(tag);
  back.u64(~tag);
  return plaintext.size() + seal_overhead;
}

std::uint64_t PlainEndpoint::tag_of(dtls::Role sender, Bytes header, Bytes plaintext) const {
  const auto direction = static_cast<std::byte>(sender);
  crypto::Crc32c first, second;
  first.add(key_);
  for (crypto::Crc32c* half : {&first, &second}) {
    half->add(Bytes(&direction, 1));
    half->add(header);
    half->add(plaintext);
  }
  second.add(key_);
  return static_cast<std::uint64_t>(first.value()) << 32 | second.value();
}

bool PlainEndpoint::accept_sequence(std::uint64_t sequence) {
  if (sequence > newest_) {
    const std::uint64_t ahead = sequence - newest_;
    window_ = ahead < 64 ? window_ << ahead : 0;
    newest_ = sequence;
  }
  const std::uint64_t behind = newest_ - sequence;
  if (behind >= 64 || (window_ >> behind & 1) != 0) return false;
  window_ |= std::uint64_t{1} << behind;
  return true;
}

}  // namespace esp_peer::sim
