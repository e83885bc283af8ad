// Linked into TF.js's addon, whose sources are compiled with TFE_NewContext named frameloom_new_context: so others can
// find the context that it makes and keeps to itself (functions.cc).
#undef TFE_NewContext
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"

static TFE_Context *made = nullptr;

// Makes it one of a group of processes, where this process is of one (group-context.cc).
void JoinGroup(TFE_Context *context, TF_Status *status);

extern "C" {

__attribute__((visibility("default"))) TFE_Context *frameloom_context(void) { return made; }

TFE_Context *frameloom_new_context(const TFE_ContextOptions *options, TF_Status *status) {
  made = TFE_NewContext(options, status);
  if (TF_GetCode(status) == TF_OK) JoinGroup(made, status);
  return made;
}
}
