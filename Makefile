demo:
	./go demo
test:
	./go test
check:
	./go check
.PHONY: demo test check
