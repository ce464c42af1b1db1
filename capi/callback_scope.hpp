// Remembers which peers' callbacks this thread is in, so that a close() from inside one does not
// wait for itself.
#pragma once

namespace esp_peer::capi {

class CallbackScope {
 public:
  explicit CallbackScope(const void* peer) : peer_(peer), outer_(innermost_) { innermost_ = this; }
  CallbackScope(const CallbackScope&) = delete;
  ~CallbackScope() { innermost_ = outer_; }

  static bool inside(const void* peer) {
    const CallbackScope* scope = innermost_;
    while (scope && scope->peer_ != peer) scope = scope->outer_;
    return scope != nullptr;
  }

 private:
  inline static thread_local const CallbackScope* innermost_ = nullptr;
  const void* const peer_;
  const CallbackScope* const outer_;
};

}  // namespace esp_peer::capi
