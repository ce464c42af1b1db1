#include "runner/linux/udp_sockets.hpp"

#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "runner/linux/socket_address.hpp"

namespace esp_peer::linux_runner {
namespace {

constexpr std::size_t largest_burst = 65'536;

void set_option(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof(value));  // best effort: each has a fallback
}

// [udp(7)] Kernels before 4.18 overlook the control message, and would send a run as one datagram.
bool knows_segmentation(int fd) {
  const int off = 0;
  return setsockopt(fd, SOL_UDP, UDP_SEGMENT, &off, sizeof(off)) == 0;
}

// [rfc4007#6] A link-local address means something on its own interface alone. A socket that is
// bound there sends there: datagrams need not say it again.
std::uint32_t zone_of(const Address& address) {
  ifaddrs* list = nullptr;
  if (!address.is_link_local() || getifaddrs(&list) != 0) return 0;
  std::uint32_t zone = 0;
  for (const ifaddrs* at = list; at; at = at->ifa_next) {
    const auto known = from_socket_address(at->ifa_addr);
    if (known && known->ip == address.ip) zone = if_nametoindex(at->ifa_name);
  }
  freeifaddrs(list);
  return zone;
}

SocketAddress address_to_bind(const Address& address) {
  SocketAddress to = to_socket_address(address);
  if (address.is_v4()) return to;
  const std::uint32_t zone = zone_of(address);
  std::memcpy(reinterpret_cast<char*>(&to.storage) + offsetof(sockaddr_in6, sin6_scope_id), &zone,
              sizeof(zone));
  return to;
}

int open_socket(const Address& address, int buffer_bytes, bool coalesce) {
  const int family = address.is_v4() ? AF_INET : AF_INET6;
  const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  set_option(fd, SOL_SOCKET, SO_RCVBUF, buffer_bytes);
  set_option(fd, SOL_SOCKET, SO_SNDBUF, buffer_bytes);
  if (coalesce) set_option(fd, SOL_UDP, UDP_GRO, 1);
  const auto to = address_to_bind(address);
  if (bind(fd, to.get(), to.size) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

std::span<const Address> UdpSockets::open(std::span<const Address> addresses) {
  const auto is_wanted = [&](const Socket& s) {
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const Address& a) { return a.ip == s.address.ip; });
  };
  for (const Socket& s : sockets_) {
    if (!is_wanted(s)) ::close(s.fd);
  }
  std::erase_if(sockets_, [&](const Socket& s) { return !is_wanted(s); });
  addresses_.clear();
  for (const Address& address : addresses) {
    const auto known = std::find_if(sockets_.begin(), sockets_.end(),
                                    [&](const Socket& s) { return s.address.ip == address.ip; });
    if (known != sockets_.end()) {
      addresses_.push_back(known->address);
    } else if (bind_one(address)) {
      addresses_.push_back(sockets_.back().address);
    }
  }
  return addresses_;
}

bool UdpSockets::bind_one(const Address& address) {
  const int fd = open_socket(address, buffer_bytes, offload_.coalesce);
  if (fd < 0) return false;
  offload_.segment = offload_.segment && knows_segmentation(fd);
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  const auto local = from_socket_address(reinterpret_cast<const sockaddr*>(&bound));
  sockets_.push_back({fd, local.value_or(address)});
  return true;
}

void UdpSockets::close() {
  for (const Socket& s : sockets_) ::close(s.fd);
  sockets_.clear();
  addresses_.clear();
  backlog_.clear();
  backlog_bytes_ = 0;
}

void UdpSockets::send(const TxBatch& batch) {
  for (const TxBatch::Run& run : batch.runs()) {
    const Bytes bytes = batch.bytes(run);
    std::size_t sent = 0;
    if (backlog_.empty() && send_run(run.route, bytes, run.segment, sent)) continue;
    const Bytes rest = bytes.subspan(sent);
    if (backlog_bytes_ + rest.size() > max_backlog) continue;  // as a full queue on the way would
    backlog_.push_back({run.route, {rest.begin(), rest.end()}, run.segment});
    backlog_bytes_ += rest.size();
  }
}

void UdpSockets::flush() {
  while (!backlog_.empty()) {
    Pending& first = backlog_.front();
    std::size_t sent = 0;
    const bool done = send_run(first.route, first.bytes, first.segment, sent);
    backlog_bytes_ -= done ? first.bytes.size() : sent;
    if (!done) {
      first.bytes.erase(first.bytes.begin(),
                        first.bytes.begin() + static_cast<std::ptrdiff_t>(sent));
      return;
    }
    backlog_.erase(backlog_.begin());
  }
}

// False when the kernel has no room: `sent` says how far it came.
bool UdpSockets::send_run(const Route& route, Bytes bytes, std::uint16_t segment,
                          std::size_t& sent) {
  const int fd = fd_of(route.local);
  if (fd < 0) return true;  // closed meanwhile
  if (bytes.size() <= segment || !offload_.segment) {
    return send_segments(fd, route.remote, bytes, segment, sent);
  }
  auto to = to_socket_address(route.remote);
  iovec data{const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(std::uint16_t))]{};
  msghdr message{};
  message.msg_name = &to.storage;
  message.msg_namelen = to.size;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_UDP;
  header->cmsg_type = UDP_SEGMENT;
  header->cmsg_len = CMSG_LEN(sizeof(segment));
  std::memcpy(CMSG_DATA(header), &segment, sizeof(segment));
  for (;;) {
    if (sendmsg(fd, &message, 0) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return false;
    // This device cannot: never again. EINVAL and EMSGSIZE are about the path's MTU, a refusal
    // about an earlier datagram: this run goes one by one.
    if (errno == EIO || errno == ENOPROTOOPT || errno == EOPNOTSUPP) offload_.segment = false;
    return send_segments(fd, route.remote, bytes, segment, sent);
  }
}

bool UdpSockets::send_segments(int fd, const Address& to, Bytes bytes, std::uint16_t segment,
                               std::size_t& sent) {
  const auto address = to_socket_address(to);
  while (sent < bytes.size()) {
    const std::size_t n = std::min<std::size_t>(segment, bytes.size() - sent);
    if (sendto(fd, bytes.data() + sent, n, 0, address.get(), address.size) < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return false;
      // Unreachable, refused, too large, not permitted, no buffer (whose end no poll announces):
      // lost, and the protocols above know how to live with losses.
    }
    sent += n;
  }
  return true;
}

UdpSockets::Burst UdpSockets::read_burst(int fd) {
  sockaddr_storage from{};
  // One for each thread that receives, not for each peer.
  thread_local std::vector<std::byte> scratch(largest_burst);
  iovec data{scratch.data(), scratch.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof(from);
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  Burst burst;
  for (int tries = 0; tries < max_reads; ++tries) {
    const ssize_t n = recvmsg(fd, &message, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    // EINTR, or the error of something sent earlier: the next call has the next datagram.
    if (n <= 0 || (message.msg_flags & MSG_TRUNC) != 0) continue;
    const auto address = from_socket_address(reinterpret_cast<const sockaddr*>(&from));
    if (!address) continue;
    burst.from = *address;
    burst.size = burst.segment = static_cast<std::size_t>(n);
    burst.bytes = MutableBytes(scratch).first(burst.size);
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO) continue;
      int segment = 0;
      std::memcpy(&segment, CMSG_DATA(c), sizeof(segment));
      if (segment > 0) burst.segment = static_cast<std::size_t>(segment);
    }
    return burst;
  }
  return {};
}

int UdpSockets::fd_of(const Address& local) const {
  for (const Socket& s : sockets_) {
    if (s.address == local) return s.fd;
  }
  return -1;
}

}  // namespace esp_peer::linux_runner
