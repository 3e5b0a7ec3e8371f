#include "vmx/transfer.h"
