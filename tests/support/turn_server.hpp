// A TURN server as RFC 8656 has it, without a socket: it enforces what a client must not rely on
// being forgiven, and can be told to misbehave.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/time.hpp"
#include "turn/message.hpp"

namespace esp_peer::test {

struct TurnServerOptions {
  std::string user = "alice", password = "secret", realm = "example.org";
  Address relay_v4 = Address::v4(198, 51, 100, 7, 0);
  std::optional<Address> relay_v6{};
  Duration lifetime = seconds(600);
  bool stream = false;
  bool sha256 = false;     // offers password algorithms [rfc8489#9.2.4]
  bool anonymous = false;  // wants USERHASH
  // Misbehaviour and bad days.
  bool nonce_for_one_request = false;
  bool stale_at_each_refresh = false;
  std::set<Address, std::function<bool(const Address&, const Address&)>> forbidden{
      [](const Address& a, const Address& b) { return a.ip < b.ip; }};
};

class TurnServer {
 public:
  using Message = std::vector<std::byte>;
  struct ToPeer {
    Address relayed, peer;
    Message payload;
  };
  // What a request asked for, for tests that look.
  struct Request {
    std::uint16_t method = 0;
    stun::TransactionId id{};
    bool has_integrity = false;
    std::optional<std::uint16_t> channel;
    std::optional<std::uint32_t> lifetime;
    std::optional<Address> peer;
    std::optional<turn::Family> family, additional_family;
    std::string username, realm, nonce;
    std::optional<std::vector<std::byte>> userhash, algorithms;
    std::optional<std::uint16_t> algorithm;
  };
  // Answers in the server's place; nothing = as the server would.
  using Script = std::function<std::optional<Message>(const Request&)>;

  explicit TurnServer(TurnServerOptions options = {}) : options_(std::move(options)) {}

  // A message of a client; the answer, if there is one.
  std::optional<Message> on_message(Instant now, const Address& client, Bytes message);
  // A datagram for one of our relayed addresses: whom it is for, and as what.
  struct ToClient {
    Address client;
    Message message;
  };
  std::optional<ToClient> on_peer(Instant now, const Address& relayed, const Address& peer,
                                  Bytes payload);
  // Somebody listens at each relayed address from now on.
  std::function<void(const Address& relayed)> on_allocated;
  void answer_with(Script script) { script_ = std::move(script); }
  // Starts anew: no allocation and no nonce is known any more.
  void restart();
  void set_realm(std::string realm);
  void expire_nonces() { nonce_.clear(); }

  // Of an error or success to a request, signed if `key_of_user`.
  Message response(const Request& request, std::uint16_t code, bool is_signed,
                   const std::function<void(stun::Builder&)>& fill = {});
  void add_challenge(stun::Builder& b);

  TurnServerOptions& options() { return options_; }
  std::vector<ToPeer> take_to_peers() { return std::move(to_peers_); }
  const std::vector<Request>& requests() const { return requests_; }
  std::size_t count(std::uint16_t method) const;
  std::size_t allocations(Instant now) const;
  std::size_t signs_of_life() const { return signs_of_life_; }
  bool has_permission(Instant now, const Address& client, const Address& peer) const;
  bool has_channel(Instant now, const Address& client, const Address& peer) const;
  // Requests that RFC 8656 would answer with 400, and messages nobody may send.
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  struct AddressLess {
    bool operator()(const Address& a, const Address& b) const {
      return a.ip != b.ip ? a.ip < b.ip : a.port < b.port;
    }
  };
  struct Channel {
    Address peer;
    Instant expires;
  };
  struct Allocation {
    std::optional<Address> v4, v6;
    Instant expires;
    std::map<Address, Instant, AddressLess> permissions;  // port 0
    std::map<std::uint16_t, Channel> channels;
    stun::TransactionId made_by{};
    std::string user;
  };

  static std::optional<Request> read(Bytes message);
  std::optional<Message> on_request(Instant now, const Address& client, const Request& request,
                                    const stun::Message& parsed);
  std::optional<Message> serve(Instant now, const Address& client, const Request& request);
  Message allocate(Instant now, const Address& client, const Request& request);
  void on_send(Instant now, const Address& client, Bytes message);
  void on_channel_data(Instant now, const Address& client, Bytes message);
  Allocation* find(Instant now, const Address& client);
  bool peer_allowed(const Allocation& allocation, const Address& peer) const;
  std::vector<std::byte> key(const std::string& realm, bool sha256) const;
  std::string& nonce();
  Message challenge(const Request& request, std::uint16_t code);
  void complain(std::string what) { complaints_.push_back(std::move(what)); }

  TurnServerOptions options_;
  Script script_;
  std::string nonce_;
  unsigned nonces_ = 0;
  std::size_t signs_of_life_ = 0;
  std::uint16_t next_port_ = 49'152;
  std::map<Address, Allocation, AddressLess> allocations_;
  std::set<Address, AddressLess> told_stale_;
  std::vector<ToPeer> to_peers_;
  std::vector<Request> requests_;
  std::vector<std::string> complaints_;
};

}  // namespace esp_peer::test
