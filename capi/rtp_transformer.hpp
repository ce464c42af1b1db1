// The callbacks of esp_peer_set_rtp_transformer(), as the streams use them.
#pragma once
#include <array>

#include "base/containers.hpp"
#include "base/result.hpp"
#include "capi/api.hpp"
#include "rtp/transformer.hpp"

namespace esp_peer::capi {

// Belongs to a peer, whose lock is held: the application's callbacks are in the middle of its work.
// So they may call no function of a peer, which working_here() tells.
class RtpTransformer final : public rtp::Transformer {
 public:
  explicit RtpTransformer(Memory& memory) : memory_(memory) {}

  // Copied; nullptr takes away what was there. invalid_argument where a function is missing.
  Status set(rtp::Way way, const esp_peer_rtp_transform_cb_t* callbacks, void* ctx);

  bool transforms(rtp::Way way) const override { return of(way).callbacks.transform != nullptr; }
  std::size_t transform(rtp::Way way, MutableBytes room, std::size_t size) override;

  // This thread is in such a callback.
  static bool working_here() { return working_here_; }

 private:
  struct Callbacks {
    esp_peer_rtp_transform_cb_t callbacks{};
    void* ctx = nullptr;
  };
  const Callbacks& of(rtp::Way way) const { return all_[static_cast<std::size_t>(way)]; }
  Callbacks& of(rtp::Way way) { return all_[static_cast<std::size_t>(way)]; }
  std::size_t run(const Callbacks& application, MutableBytes room, std::size_t size);
  MutableBytes scratch(std::size_t size);

  inline static thread_local bool working_here_ = false;
  Memory& memory_;
  std::array<Callbacks, 2> all_;
  Buffer scratch_;  // for what is not done in place; grows to the largest packet
};

}  // namespace esp_peer::capi
