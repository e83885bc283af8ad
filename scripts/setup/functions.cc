// Functions of TensorFlow's own: a recorded computation is given to the context in which TF.js runs its kernels, and
// is run from there on as if it were one of them.
// open(addon): finds the context (context.cc) in TF.js's addon at that path; whether it is there.
// add(definition): takes a serialized FunctionDef. remove(name): lets it go, with what TensorFlow made of it.
// Both return what is wrong, and nothing where all is well.
#include <dlfcn.h>
#include <node_api.h>
#include <string>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"

namespace {

TFE_Context *context = nullptr;

std::string Text(napi_env env, napi_value value) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, nullptr, 0, &length);
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, &text[0], length + 1, &length);
  return text;
}

napi_value Argument(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = nullptr;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  return argument;
}

napi_value Outcome(napi_env env, TF_Status *status) {
  const std::string wrong = TF_GetCode(status) == TF_OK ? "" : TF_Message(status);
  TF_DeleteStatus(status);
  napi_value value = nullptr;
  napi_create_string_utf8(env, wrong.data(), wrong.size(), &value);
  return value;
}

napi_value Open(napi_env env, napi_callback_info info) {
  const std::string path = Text(env, Argument(env, info));
  // It is loaded: this asks for the same one again.
  void *addon = dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (addon != nullptr) {
    auto own = reinterpret_cast<TFE_Context *(*)()>(dlsym(addon, "frameloom_context"));
    if (own != nullptr) context = own();
  }
  napi_value found = nullptr;
  napi_get_boolean(env, context != nullptr, &found);
  return found;
}

napi_value Add(napi_env env, napi_callback_info info) {
  void *bytes = nullptr;
  size_t length = 0;
  TF_Status *status = TF_NewStatus();
  if (napi_get_typedarray_info(env, Argument(env, info), nullptr, &length, &bytes, nullptr, nullptr) == napi_ok) {
    TFE_ContextAddFunctionDef(context, static_cast<const char *>(bytes), length, status);
  } else {
    TF_SetStatus(status, TF_INVALID_ARGUMENT, "a definition is bytes");
  }
  return Outcome(env, status);
}

napi_value Remove(napi_env env, napi_callback_info info) {
  TF_Status *status = TF_NewStatus();
  TFE_ContextRemoveFunction(context, Text(env, Argument(env, info)).c_str(), status);
  return Outcome(env, status);
}

napi_value Init(napi_env env, napi_value exports) {
  const struct {
    const char *name;
    napi_callback call;
  } all[] = {{"open", Open}, {"add", Add}, {"remove", Remove}};
  for (const auto &one : all) {
    napi_value function = nullptr;
    napi_create_function(env, one.name, NAPI_AUTO_LENGTH, one.call, nullptr, &function);
    napi_set_named_property(env, exports, one.name, function);
  }
  return exports;
}

}  // namespace

NAPI_MODULE(functions, Init)
