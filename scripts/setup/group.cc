// The processes of a group: whether the others answer, and an end to what waits for one that does not.
// open(addon): finds the context that joined (group-context.cc), in TF.js's addon at that path; whether there is one.
// check(rank, milliseconds): what is wrong with a peer, as TensorFlow says it; empty where it answers.
// watch(size, rank, every, timeout, port, peers): asks all peers again and again, in a thread; where one does not
//   answer twice, all collective operations end with an error.
// lost(): the rank that did not, and what TensorFlow said of it; undefined while all do.
// unwatch(): ends that.
#include <dlfcn.h>
#include <node_api.h>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"

namespace {

using std::chrono::milliseconds;

// Found in TF.js's addon and in the library that it is linked to.
TFE_Context *context = nullptr;
bool (*guard)(int, const char *) = nullptr;
void (*check_health)(TFE_Context *, const char *, int64_t, TF_Status *) = nullptr;
void (*abort_all)(TFE_Context *, TF_Status *) = nullptr;

template <typename F>
void Find(void *library, const char *name, F &function) {
  function = reinterpret_cast<F>(dlsym(library, name));
}

std::mutex mutex;
std::condition_variable woken;
std::thread watching;
bool stopped = false;
int lost_rank = -1;
std::string lost_why;

std::string Text(napi_env env, napi_value value) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, nullptr, 0, &length);
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, &text[0], length + 1, &length);
  return text;
}

napi_value FromText(napi_env env, const std::string &text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

int64_t Whole(napi_env env, napi_value value) {
  int64_t number = 0;
  napi_get_value_int64(env, value, &number);
  return number;
}

napi_value Undefined(napi_env env) {
  napi_value value = nullptr;
  napi_get_undefined(env, &value);
  return value;
}

std::string Check(int64_t rank, int64_t timeout) {
  const std::string task = "/job:worker/replica:0/task:" + std::to_string(rank);
  TF_Status *status = TF_NewStatus();
  check_health(context, task.c_str(), timeout, status);
  std::string why;
  if (TF_GetCode(status) != TF_OK) {
    why = TF_Message(status);
    if (why.empty()) why = "it does not answer";
  }
  TF_DeleteStatus(status);
  return why;
}

// @returns whether it was told to stop meanwhile
bool Sleep(int64_t duration) {
  std::unique_lock<std::mutex> lock(mutex);
  return woken.wait_for(lock, milliseconds(duration), [] { return stopped; });
}

void Watch(int64_t size, int64_t own, int64_t every, int64_t timeout, int port, std::string peers) {
  for (int round = 0; !Sleep(every); round++) {
    // What connected before the filter was there is cut off by the first rounds.
    if (round < 3 && guard != nullptr) guard(port, peers.c_str());
    for (int64_t rank = 0; rank < size; rank++) {
      if (rank == own) continue;
      std::string why = Check(rank, timeout);
      if (why.empty()) continue;
      if (Sleep(every / 4)) return;
      why = Check(rank, timeout);
      if (why.empty()) continue;
      {
        std::lock_guard<std::mutex> lock(mutex);
        if (stopped) return;
        lost_rank = static_cast<int>(rank);
        lost_why = why;
      }
      TF_Status *status = TF_NewStatus();
      TF_SetStatus(status, TF_UNAVAILABLE, why.c_str());
      abort_all(context, status);
      TF_DeleteStatus(status);
      return;
    }
  }
}

napi_value Open(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = nullptr, result = nullptr;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  void *addon = dlopen(Text(env, argument).c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (addon != nullptr) {
    TFE_Context *(*joined)() = nullptr;
    Find(addon, "frameloom_group_context", joined);
    Find(addon, "frameloom_group_guard", guard);
    Find(addon, "TFE_CollectiveOpsCheckPeerHealth", check_health);
    Find(addon, "TFE_AbortCollectiveOps", abort_all);
    if (joined != nullptr && check_health != nullptr && abort_all != nullptr) context = joined();
  }
  napi_get_boolean(env, context != nullptr, &result);
  return result;
}

napi_value CheckPeer(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  if (context == nullptr) return FromText(env, "no group was joined");
  return FromText(env, Check(Whole(env, arguments[0]), Whole(env, arguments[1])));
}

napi_value StartWatching(napi_env env, napi_callback_info info) {
  size_t count = 6;
  napi_value a[6];
  napi_get_cb_info(env, info, &count, a, nullptr, nullptr);
  if (context == nullptr || watching.joinable()) return Undefined(env);
  stopped = false;
  watching = std::thread(Watch, Whole(env, a[0]), Whole(env, a[1]), Whole(env, a[2]), Whole(env, a[3]),
                         static_cast<int>(Whole(env, a[4])), Text(env, a[5]));
  return Undefined(env);
}

napi_value StopWatching(napi_env env, napi_callback_info) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopped = true;
  }
  woken.notify_all();
  if (watching.joinable()) watching.join();
  return Undefined(env);
}

napi_value Lost(napi_env env, napi_callback_info) {
  std::lock_guard<std::mutex> lock(mutex);
  if (lost_rank < 0) return Undefined(env);
  napi_value result = nullptr, rank = nullptr;
  napi_create_object(env, &result);
  napi_create_int32(env, lost_rank, &rank);
  napi_set_named_property(env, result, "rank", rank);
  napi_set_named_property(env, result, "why", FromText(env, lost_why));
  return result;
}

napi_value Init(napi_env env, napi_value exports) {
  const struct {
    const char *name;
    napi_callback callback;
  } all[] = {{"open", Open}, {"check", CheckPeer}, {"watch", StartWatching}, {"unwatch", StopWatching}, {"lost", Lost}};
  for (const auto &one : all) {
    napi_value function = nullptr;
    napi_create_function(env, one.name, NAPI_AUTO_LENGTH, one.callback, nullptr, &function);
    napi_set_named_property(env, exports, one.name, function);
  }
  return exports;
}

}  // namespace

NAPI_MODULE(frameloom_group, Init)
