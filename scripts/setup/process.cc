// What Node cannot do itself.
// redirect(fd): makes fd the process's standard error and returns a descriptor of what it was.
// TensorFlow writes which kernels it chose to standard error while its library loads, before any
// setting of its log is read; Node has no dup2 of its own to keep such words from a clean output.
// trim(): gives freed memory back to the system, where the C library can (glibc).
#include <cstddef>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

// The part of Node-API (stable by promise, version 1) that is used, so that no headers are needed.
extern "C" {
typedef void *napi_env;
typedef void *napi_value;
typedef void *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
int napi_get_value_int32(napi_env, napi_value, int *);
int napi_create_int32(napi_env, int, napi_value *);
int napi_get_undefined(napi_env, napi_value *);
int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
int napi_set_named_property(napi_env, napi_value, const char *, napi_value);

static napi_value redirect(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = nullptr, result = nullptr;
  int target = -1, before = -1;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) == 0 && count == 1 &&
      napi_get_value_int32(env, argument, &target) == 0) {
    before = dup(STDERR_FILENO);
    if (before >= 0 && dup2(target, STDERR_FILENO) < 0) {
      close(before);
      before = -1;
    }
  }
  napi_create_int32(env, before, &result);
  return result;
}

static napi_value trim(napi_env env, napi_callback_info) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  napi_value result = nullptr;
  napi_get_undefined(env, &result);
  return result;
}

static void define(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function = nullptr;
  if (napi_create_function(env, name, static_cast<size_t>(-1), callback, nullptr, &function) == 0) {
    napi_set_named_property(env, exports, name, function);
  }
}

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  define(env, exports, "redirect", redirect);
  define(env, exports, "trim", trim);
  return exports;
}
}
