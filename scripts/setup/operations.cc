// What TensorFlow knows of its ops.
// list(): a buffer with its OpList (op_def.proto), of all ops that are registered in this process.
// Linked to the library that TF.js's addon has loaded by then, so that it is the same list.
#include <node_api.h>
#include "tensorflow/c/c_api.h"

namespace {

napi_value List(napi_env env, napi_callback_info) {
  TF_Buffer *ops = TF_GetAllOpList();
  napi_value result = nullptr;
  if (ops == nullptr ||
      napi_create_buffer_copy(env, ops->length, ops->data, nullptr, &result) != napi_ok) {
    napi_throw_error(env, nullptr, "TensorFlow gives no list of its ops");
  }
  if (ops != nullptr) TF_DeleteBuffer(ops);
  return result;
}

napi_value Init(napi_env env, napi_value exports) {
  napi_value function = nullptr;
  if (napi_create_function(env, "list", NAPI_AUTO_LENGTH, List, nullptr, &function) == napi_ok) {
    napi_set_named_property(env, exports, "list", function);
  }
  return exports;
}

}  // namespace

NAPI_MODULE(frameloom_operations, Init)
