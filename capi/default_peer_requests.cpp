// What a session asks of its runner: sockets, and addresses of names.
#include <string>
#include <utility>

#include "capi/audio.hpp"
#include "capi/callback_scope.hpp"
#include "capi/default_peer.hpp"
#include "runner/linux/clock.hpp"
#include "runner/linux/interfaces.hpp"

namespace esp_peer::capi {

void DefaultPeer::handle_requests(Lock& lock) {
  while (const auto request = session_.poll_request()) {
    if (const auto* wanted = std::get_if<peer::Resolve>(&*request)) {
      resolve(wanted->id);
    } else if (const auto* open = std::get_if<peer::OpenSockets>(&*request)) {
      if (!open->again) close_sockets();
      open_sockets(lock);
    } else {
      close_sockets();
    }
  }
}

void DefaultPeer::open_sockets(Lock& lock) {
  const std::uint32_t epoch = ++socket_epoch_;
  struct Filter {
    const DefaultPeer& peer;
    static bool allows(const char* interface, const Address& address, void* ctx) {
      const DefaultPeer& peer = static_cast<const Filter*>(ctx)->peer;
      const CallbackScope scope(&peer);
      const esp_peer_addr_t c_address = to_c_address(address);
      return peer.config_.interface_filter(interface, &c_address, peer.config_.callbacks.ctx);
    }
  } filter{*this};
  linux_runner::InterfaceOptions options;
  options.ipv6 = config_.ipv6;
  options.loopback_only = config_.loopback_only;
  if (config_.interface_filter) options.filter = Filter::allows;
  options.ctx = &filter;

  lock.unlock();  // the filter is the application's
  const auto addresses = linux_runner::usable_addresses(options);
  lock.lock();
  if (epoch != socket_epoch_) return;  // disconnected meanwhile
  const Instant now = linux_runner::now();
  const auto bound = sockets_.open(addresses);
  for (std::size_t i = 0; i < sockets_.size(); ++i) waiter_.add(sockets_.fd(i));
  session_.on_sockets(now, bound);
  transmit(now);
  collect(now);
}

void DefaultPeer::close_sockets() {
  ++socket_epoch_;
  sockets_.close();
}

// Another thread looks the name up; its answer waits in resolved_ until the loop takes it.
void DefaultPeer::resolve(std::uint32_t id) {
  resolver_.resolve(std::string(session_.server_name(id)), config_.ipv6,
                    [this, id, epoch = socket_epoch_](std::vector<Address> addresses) {
                      {
                        const std::lock_guard lock(resolved_mutex_);
                        resolved_.push_back({epoch, id, std::move(addresses)});
                      }
                      waiter_.wake();
                    });
}

void DefaultPeer::take_resolved(Instant now) {
  std::vector<Resolved> resolved;
  {
    const std::lock_guard lock(resolved_mutex_);
    resolved.swap(resolved_);
  }
  for (const Resolved& r : resolved) {
    if (r.epoch == socket_epoch_) session_.on_resolved(now, r.id, r.addresses);
  }
}

}  // namespace esp_peer::capi
