# A pod that the cluster took away is an error, and yet what retries failures tries again, as it would with Argo.

workflow
    entrypoint: main
    templates:
    - name: main
      dag:
        failFast: false
        tasks:
        - {name: single, template: single}
        - {name: whole, template: whole}
    - name: single
      retryStrategy: {limit: 2, backoff: {duration: "10"}}
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
wf.single: new -> Running
wf.single(0): new -> Pending
wf.whole: new -> Running
wf.whole(0): new -> Running
wf.whole(0)[0]: new -> Running
wf.whole(0)[0].one: new -> Pending
create wf-single-2765865145
create wf-plain-1761319128

wf.single(0) lost "The node was low on resource: memory"
----
wf.single(0): Pending -> Error (The node was low on resource: memory)
wake in 10s

restart
----
create wf-plain-1761319128
wake in 10s

after 10
----
wf.single(1): new -> Pending
create wf-single-3370006524

wf.single(1) succeeds
----
wf.single(1): Pending -> Succeeded
wf.single: Running -> Succeeded

wf.whole(0)[0].one lost "pod lost: EvictionByEvictionAPI"
----
wf.whole(0)[0].one: Pending -> Error (pod lost: EvictionByEvictionAPI)
wf.whole(0)[0]: Running -> Failed (child 'wf-1761319128' failed)
wf.whole(0): Running -> Failed (child 'wf-1761319128' failed)
wf.whole(1): new -> Running
wf.whole(1)[0]: new -> Running
wf.whole(1)[0].one: new -> Pending
create wf-plain-2218372511

wf.whole(1)[0].one errors "pod deleted"
----
wf.whole(1)[0].one: Pending -> Error (pod deleted)
wf.whole(1)[0]: Running -> Failed (child 'wf-2218372511' failed)
wf.whole(1): Running -> Failed (child 'wf-2218372511' failed)
wf.whole: Running -> Failed (No more retries left)
wf: Running -> Failed
workflow: Running -> Failed
