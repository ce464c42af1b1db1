// What stands behind a handle of the public functions: the operations of some implementation, and
// that implementation's own handle.
#pragma once
#include "capi/api.hpp"
#include "capi/handle_table.hpp"

namespace esp_peer::capi {

struct Wrapped {
  const esp_peer_ops_t ops;
  esp_peer_handle_t inner;
};
using WrappedPeers = Handles<Wrapped, 1>;
extern WrappedPeers& wrapped_peers;

// For what is in no table of operations: asks our own implementation, and no other.
template <class Function, class... Args>
int on_default_peer(esp_peer_handle_t peer, Function function, Args... args) {
  const WrappedPeers::Pin wrapped(wrapped_peers, peer);
  if (!wrapped) return ESP_PEER_ERR_INVALID_ARG;
  if (wrapped->ops.open != esp_peer_get_default_impl()->open) return ESP_PEER_ERR_NOT_SUPPORT;
  return function(wrapped->inner, args...);
}

}  // namespace esp_peer::capi
