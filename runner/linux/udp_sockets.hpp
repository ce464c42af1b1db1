// The sockets of one peer: one for each local address, non-blocking, with segmentation offload in
// both directions where the kernel has it.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/address.hpp"
#include "base/tx_batch.hpp"

namespace esp_peer::linux_runner {

// The options that a test may take away.
struct Offload {
  bool segment = true;   // UDP_SEGMENT on send
  bool coalesce = true;  // UDP_GRO on receive
};

class UdpSockets {
 public:
  explicit UdpSockets(const Offload& offload = {}) : offload_(offload) {}
  UdpSockets(const UdpSockets&) = delete;
  ~UdpSockets() { close(); }

  // Binds an ephemeral port on each address that has none yet; those that cannot be bound are left
  // out, and sockets of other addresses closed. The bound addresses, in the same order, stay valid
  // until open() or close().
  std::span<const Address> open(std::span<const Address> addresses);
  void close();

  // Sends what it can; what the kernel has no room for now is kept, up to max_backlog bytes, and
  // goes first next time. Errors of the network are losses, like any other.
  void send(const TxBatch& batch);
  // False: the core should not be asked for more before the socket is writable again.
  bool can_send() const { return backlog_.empty(); }
  // The socket that all wait for; -1 = none. The others are writable, and must not wake anybody.
  int blocked_fd() const { return can_send() ? -1 : fd_of(backlog_.front().route.local); }
  void flush();

  // Gives each datagram that has come, up to max_reads system calls' worth, to `sink`: changeable,
  // valid during the call.
  template <class Sink>
  void receive(Sink sink) {
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      for (int reads = 0; reads < max_reads; ++reads) {
        const Burst burst = read_burst(sockets_[i].fd);
        if (burst.size == 0) break;
        const Route route{sockets_[i].address, burst.from};
        const std::size_t sockets = sockets_.size();
        for (std::size_t at = 0; at < burst.size; at += burst.segment) {
          if (sockets_.size() != sockets) return;  // closed by what came
          sink(route, burst.bytes.subspan(at, std::min(burst.segment, burst.size - at)));
        }
      }
    }
  }

  std::size_t size() const { return sockets_.size(); }
  int fd(std::size_t i) const { return sockets_[i].fd; }

 private:
  static constexpr int max_reads = 16;
  static constexpr std::size_t max_backlog = 256 * 1024;
  static constexpr int buffer_bytes = 4 * 1024 * 1024;  // asked of the kernel, which may give less

  struct Socket {
    int fd;
    Address address;
  };
  struct Burst {
    Address from;
    std::size_t size = 0, segment = 0;
    MutableBytes bytes;  // of this thread's scratch, until the next call
  };
  struct Pending {
    Route route;
    std::vector<std::byte> bytes;
    std::uint16_t segment;
  };

  Burst read_burst(int fd);
  bool send_run(const Route& route, Bytes bytes, std::uint16_t segment, std::size_t& sent);
  bool send_segments(int fd, const Address& to, Bytes bytes, std::uint16_t segment,
                     std::size_t& sent);
  int fd_of(const Address& local) const;
  bool bind_one(const Address& address);

  Offload offload_;
  std::vector<Socket> sockets_;
  std::vector<Address> addresses_;
  std::vector<Pending> backlog_;
  std::size_t backlog_bytes_ = 0;
};

}  // namespace esp_peer::linux_runner
