// One DTLS 1.2 association as the core sees it; a backend implements it over one library.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/result.hpp"
#include "base/state_hash.hpp"
#include "crypto/srtp_profile.hpp"
#include "dtls/fingerprint.hpp"

namespace esp_peer::dtls {

enum class Role : std::uint8_t { client, server };
enum class CipherPreference : std::uint8_t { automatic, aes_gcm, chacha };

// A key pair with its self-signed certificate. Shared by any number of endpoints, from any thread.
class Identity {
 public:
  virtual const Fingerprint& fingerprint() const = 0;  // SHA-256 of the certificate

 protected:
  ~Identity() = default;
};

using SrtpProfiles = FixedVector<crypto::SrtpProfile, 3>;

struct Options {
  CipherPreference ciphers = CipherPreference::automatic;
  // The first retransmission of a flight; doubles up to 60 s [rfc6347#4.2.4.1].
  Duration first_retransmission = milliseconds(50);
  std::uint16_t mtu = 1200;  // of handshake datagrams, bytes of UDP payload
  // [rfc5764#4.1.1] What a client offers, and a server chooses from by its own order, the dearest
  // first; empty = use_srtp is neither said nor answered. The MKI is empty [rfc8827#6.5].
  SrtpProfiles srtp_profiles = {};
  // [rfc6347#4.1] No number of a record is used twice: 48 bits, less what handshakes and alerts
  // take. After so many records sealed the association is given up, for nobody renegotiates.
  std::uint64_t max_records = (1ULL << 48) - (1ULL << 32);
};

enum class FailureReason : std::uint8_t { handshake, fingerprint_mismatch, timeout, library };

struct Connected {};
struct Closed {};  // the peer said close_notify
struct Failed {
  FailureReason reason;
  const char* what;  // a literal for logs
};

class Endpoint {
 public:
  using Event = std::variant<Connected, Closed, Failed>;
  // Bytes that seal() puts before and behind the plaintext, at most. AES-GCM: 13 + 8, 16.
  static constexpr std::size_t seal_front = 21;
  static constexpr std::size_t seal_overhead = 37;
  // The longest plaintext of seal(): fits every path below 2 KB, and bounds a library's buffer.
  static constexpr std::size_t max_plaintext = 2048;
  static constexpr std::string_view srtp_label = "EXTRACTOR-dtls_srtp";

  // Begins the handshake. One of `remote` must match the peer's certificate before Connected is
  // said or anything is delivered; of several hashes the strongest counts [rfc8122#5.1].
  // wrong_state when started before; bad_data when `remote` is empty or holds no usable hash.
  virtual Status start(Instant now, Role role, std::span<const Fingerprint> remote) = 0;
  // Says close_notify to the peer; nothing can be sealed afterwards.
  virtual void close(Instant now) = 0;
  // Writes one application record into `out` and says its size; 0 = not connected, or no room.
  // After Options::max_records it says close_notify and Failed instead. `plaintext` may stand in
  // `out` at offset seal_front, then nothing is copied where the backend can seal in place.
  virtual std::size_t seal(Instant now, Bytes plaintext, MutableBytes out) = 0;

  // A datagram of the peer, changed in place and not looked at afterwards. Application data in it
  // is fetched with read() before the next input; what is not is lost.
  virtual void on_datagram(Instant now, MutableBytes datagram) = 0;
  virtual void on_deadline(Instant now) = 0;

  // The next datagram of a handshake or alert; 0 = none. A flight's timer runs from here.
  virtual std::size_t write_datagram(Instant now, MutableBytes out) = 0;
  // Closed and Failed are said after what came before them was read.
  virtual std::optional<Event> poll_event() = 0;
  // The plaintext of the next application record; empty = none. Valid until the next call.
  virtual Bytes read(Instant now) = 0;

  virtual std::optional<Instant> next_deadline() const = 0;
  virtual bool connected() const = 0;
  // What both ends agreed on; nothing before Connected, or where no profile is common to both.
  virtual std::optional<crypto::SrtpProfile> srtp_profile() const = 0;
  // [rfc5705#4] Keying material without a context; wrong_state before Connected. SRTP's label is
  // srtp_label: client's key, server's key, client's salt, server's salt [rfc5764#4.2].
  virtual Status export_keys(std::string_view label, MutableBytes out) const = 0;
  virtual void hash_state(StateHash& hash) const = 0;

 protected:
  ~Endpoint() = default;
};

// Makes identities and endpoints. One for the whole process, used from any thread.
class Backend {
 public:
  // A new P-256 key and certificate, one reference held; nullptr when the library fails. The
  // certificate says valid from a day before `unix_seconds` on for a year.
  virtual Identity* create_identity(std::int64_t unix_seconds) = 0;
  virtual void retain(Identity& identity) = 0;
  virtual void release(Identity& identity) = 0;
  // Holds a reference to `identity` while it lives. nullptr when memory or the library fails.
  virtual Endpoint* create_endpoint(const Options& options, Identity& identity, Env env) = 0;
  virtual void destroy(Endpoint* endpoint) = 0;

 protected:
  ~Backend() = default;
};

}  // namespace esp_peer::dtls
