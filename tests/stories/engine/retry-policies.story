# What is retried is said by the policy, or by an expression about the last attempt.

workflow
    entrypoint: main
    templates:
    - name: main
      dag:
        failFast: false
        tasks:
        - {name: on-error, template: on-error}
        - {name: by-code, template: by-code}
        - {name: whole, template: whole}
    - name: on-error
      retryStrategy: {limit: 1, retryPolicy: OnError}
      container: {image: busybox}
    - name: by-code
      retryStrategy: {expression: "lastRetry.exitCode != '2'"}
      container: {image: busybox}
    - name: whole
      retryStrategy: {limit: 1}
      steps:
      - - {name: one, template: plain}
    - name: plain
      container: {image: busybox}
----
workflow: new -> Running
wf: new -> Running
wf.on-error: new -> Running
wf.on-error(0): new -> Pending
wf.by-code: new -> Running
wf.by-code(0): new -> Pending
wf.whole: new -> Running
wf.whole(0): new -> Running
wf.whole(0)[0]: new -> Running
wf.whole(0)[0].one: new -> Pending
create wf-on-error-1747716951
create wf-by-code-1470620090
create wf-plain-1761319128

wf.on-error(0) errors "node lost"
----
wf.on-error(0): Pending -> Error (node lost)
wf.on-error(1): new -> Pending
create wf-on-error-2351858330

wf.on-error(1) fails
----
wf.on-error(1): Pending -> Failed (main: Error (exit code 1))
wf.on-error: Running -> Failed (main: Error (exit code 1))

wf.by-code(0) fails
----
wf.by-code(0): Pending -> Failed (main: Error (exit code 1))
wf.by-code(1): new -> Pending
create wf-by-code-866478711

wf.by-code(1) fails 2
----
wf.by-code(1): Pending -> Failed (main: Error (exit code 2))
wf.by-code: Running -> Failed (retryStrategy.expression evaluated to false)

wf.whole(0)[0].one fails
----
wf.whole(0)[0].one: Pending -> Failed (main: Error (exit code 1))
wf.whole(0)[0]: Running -> Failed (child 'wf-1761319128' failed)
wf.whole(0): Running -> Failed (child 'wf-1761319128' failed)
wf.whole(1): new -> Running
wf.whole(1)[0]: new -> Running
wf.whole(1)[0].one: new -> Pending
create wf-plain-2218372511

wf.whole(1)[0].one succeeds
----
wf.whole(1)[0].one: Pending -> Succeeded
wf.whole(1)[0]: Running -> Succeeded
wf.whole(1): Running -> Succeeded
wf.whole: Running -> Succeeded
wf: Running -> Failed
workflow: Running -> Failed
