// A value or the reason why there is none. For mistakes of the caller only: what the peer does
// wrong is counted and dropped, never returned.
#pragma once
#include <cstdint>
#include <new>
#include <utility>

#include "base/bug.hpp"

namespace esp_peer {

// Ordered like esp_peer_err_t, so that the C facade returns -int(code).
enum class Errc : std::uint8_t {
  ok,
  invalid_argument,
  no_memory,
  wrong_state,
  unsupported,
  not_found,
  failed,
  over_limit,
  bad_data,
  would_block,
};

// `what` is a string literal for logs and traces; control flow looks at `code` alone.
struct Error {
  Errc code = Errc::failed;
  const char* what = "";
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : ok_(true) { ::new (static_cast<void*>(&value_)) T(std::move(value)); }
  Result(Error error) : error_(error), ok_(false) { ESP_PEER_BUG_IF(error.code == Errc::ok); }
  Result(Result&& other) noexcept : error_(other.error_), ok_(other.ok_) {
    if (ok_) ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
  }
  Result& operator=(Result&&) = delete;
  ~Result() {
    if (ok_) value_.~T();
  }

  explicit operator bool() const { return ok_; }
  T& operator*() & {
    ESP_PEER_BUG_IF(!ok_);
    return value_;
  }
  T&& operator*() && {
    ESP_PEER_BUG_IF(!ok_);
    return std::move(value_);
  }
  T* operator->() {
    ESP_PEER_BUG_IF(!ok_);
    return &value_;
  }
  const Error& error() const {
    ESP_PEER_BUG_IF(ok_);
    return error_;
  }

 private:
  union {
    T value_;
  };
  Error error_{Errc::ok, ""};
  bool ok_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(error) { ESP_PEER_BUG_IF(error.code == Errc::ok); }

  explicit operator bool() const { return error_.code == Errc::ok; }
  const Error& error() const { return error_; }
  Errc code() const { return error_.code; }

 private:
  Error error_{Errc::ok, ""};
};

using Status = Result<void>;

}  // namespace esp_peer
