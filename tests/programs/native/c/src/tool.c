/* A program that the build of a library links and strips, as LuaJIT's does; it asks who called it. */
#include <unwind.h>

static _Unwind_Reason_Code count(struct _Unwind_Context *context, void *frames) {
    *(int *)frames += _Unwind_GetIP(context) != 0;
    return _URC_NO_REASON;
}

int main(void) {
    int frames = 0;
    _Unwind_Backtrace(count, &frames);
    return frames == 0;
}
