.DEFAULT_GOAL := help
COMMANDS := up test check fix setup bench simulate lock help

.PHONY: $(COMMANDS)
$(COMMANDS):
	@./dev $@
