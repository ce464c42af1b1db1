// The law of conservation: what a session took to send arrives once, whole, and in order where
// order was promised; where loss was allowed some of it never comes. Every message says which one
// it is.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "datachannel/channels.hpp"

namespace esp_peer::sim {

// All that one side said on one channel.
struct Line {
  int sender = 0;
  int attempt = 0;  // of the sender
  std::uint16_t stream = 0;
  auto operator<=>(const Line&) const = default;
};

// What was promised for it.
struct Promise {
  bool ordered = true;
  bool reliable = true;
};

class Ledger {
 public:
  // The next message of a line. Messages that are too short to name themselves are known by their
  // place: never the first of a line, and only where all of it comes in order.
  std::vector<std::byte> compose(const Line& line, std::size_t size, datachannel::Kind kind) const;
  static constexpr std::size_t name_size = 24;

  // The session took the message that compose() gave.
  void accepted(const Line& line, Promise promise, std::size_t size, datachannel::Kind kind);
  // What is wrong with a message that `sender`'s peer read; nothing when all is well.
  std::optional<std::string> received(int sender, const datachannel::Message& message);
  // What is on its way now may be lost: its receiver closed the channel, or the connection is over.
  void forgive(int attempt_of_sender, int sender);
  void forgive_stream(const Line& line);

  bool all_delivered() const;
  std::string missing() const;  // for people
  std::uint64_t messages() const { return messages_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t messages_lost() const;  // where that was allowed, so far

 private:
  struct Sent {
    std::size_t size;
    datachannel::Kind kind;
  };
  struct Account {
    Promise promise;
    bool forgiven = false;
    bool owes() const { return promise.reliable && !forgiven && arrived != sent.size(); }
    std::vector<Sent> sent;
    std::size_t arrived = 0;
    std::size_t next = 0;            // of an ordered line: the first that may still come
    std::set<std::size_t> received;  // of an unordered one
  };
  static std::vector<std::byte> content(const Line& line, std::size_t number, const Sent& sent);

  std::map<Line, Account> accounts_;
  std::map<std::pair<int, std::uint16_t>, int> heard_attempt_;  // by sender and stream
  std::uint64_t messages_ = 0, bytes_ = 0;
};

}  // namespace esp_peer::sim
