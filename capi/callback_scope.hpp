// Remembers which peers' callbacks this thread is in, and what they tell, so that a close() from
// inside one does not wait for itself.
#pragma once

namespace esp_peer::capi {

struct News;

class CallbackScope {
 public:
  explicit CallbackScope(const void* peer, const News* news = nullptr)
      : peer_(peer), news_(news), outer_(innermost_) {
    innermost_ = this;
  }
  CallbackScope(const CallbackScope&) = delete;
  ~CallbackScope() { innermost_ = outer_; }

  // The innermost one of this peer; nullptr where this thread is in none.
  static const CallbackScope* find(const void* peer) {
    const CallbackScope* scope = innermost_;
    while (scope && scope->peer_ != peer) scope = scope->outer_;
    return scope;
  }
  static bool inside(const void* peer) { return find(peer) != nullptr; }
  const News* news() const { return news_; }

 private:
  inline static thread_local const CallbackScope* innermost_ = nullptr;
  const void* const peer_;
  const News* const news_;
  const CallbackScope* const outer_;
};

}  // namespace esp_peer::capi
