"""The selection language: `kind:pharmacy district:青湾 state:failed -vendor:x text`."""
