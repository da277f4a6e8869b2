// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Bounds} from "../sol/Bounds.sol";
import {IVault} from "../sol/IVault.sol";
import {Token} from "../sol/Token.sol";
import {Vault} from "../sol/Vault.sol";
import {vm} from "./Vm.sol";

/// Three people and two offices who do whatever they may, in any order.
contract VaultPeople {
    uint256 private constant PEOPLE = 3;
    uint256 private constant NUMBERS = 2; // obligations and escrows of an office
    Token public immutable token;
    Vault public immutable vault;
    /// How many calls of each kind got through.
    uint256[11] public done;

    constructor() {
        token = new Token(address(this), 3_000 ether);
        vault = new Vault(IERC20(address(token)), address(0x91), address(0x92), address(0x93), 100);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            token.transfer(person(i), 1_000 ether);
            vm.prank(person(i));
            token.approve(address(vault), type(uint256).max);
        }
        vm.warp(1_000);
    }

    function person(uint256 i) public pure returns (address) {
        return address(uint160(0x1000 + i % PEOPLE));
    }

    function office(uint256 i) public pure returns (address) {
        return address(uint160(0x91 + i % 2));
    }

    /// Mostly what is there, now and then a little more.
    function upTo(uint256 amount, uint256 available) private pure returns (uint256) {
        return amount % (available + available / 8 + 1);
    }

    function accountOf(uint256 who) private view returns (IVault.Account memory) {
        return vault.getAccount(person(who));
    }

    function lockedOf(uint256 by, uint256 who, uint256 number) private view returns (uint256) {
        return vault.lockedFor(office(by), person(who), bytes32(number % NUMBERS));
    }

    function deposit(uint256 who, uint256 to, uint256 amount) external {
        uint256 sum = upTo(amount, token.balanceOf(person(who)));
        vm.prank(person(who));
        try vault.deposit(person(to), sum) {
            ++done[0];
        } catch {}
    }

    function withdraw(uint256 who, uint256 amount) external {
        uint256 sum = upTo(amount, accountOf(who).credit / 2);
        vm.prank(person(who));
        try vault.withdraw(person(who), sum) {
            ++done[1];
        } catch {}
    }

    function stake(uint256 who, uint256 amount) external {
        uint256 sum = upTo(amount, accountOf(who).credit / 2);
        vm.prank(person(who));
        try vault.stake(sum) {
            ++done[2];
        } catch {}
    }

    function unstake(uint256 who, uint256 amount) external {
        uint256 sum = upTo(amount, vault.freeStake(person(who)) / 4);
        vm.prank(person(who));
        try vault.unstake(sum) {
            ++done[3];
        } catch {}
    }

    function release(uint256 who, uint256 wait) external {
        vm.warp(block.timestamp + wait % 150);
        vm.prank(person(who));
        try vault.release() {
            ++done[4];
        } catch {}
    }

    function lock(uint256 by, uint256 who, uint256 number, uint256 amount) external {
        uint256 sum = upTo(amount, vault.freeStake(person(who)));
        vm.prank(office(by));
        try vault.lock(person(who), bytes32(number % NUMBERS), sum) {
            ++done[5];
        } catch {}
    }

    function unlock(uint256 by, uint256 who, uint256 number, uint256 amount) external {
        uint256 sum = upTo(amount, lockedOf(by, who, number));
        vm.prank(office(by));
        try vault.unlock(person(who), bytes32(number % NUMBERS), sum) {
            ++done[6];
        } catch {}
    }

    function slash(uint256 by, uint256 who, uint256 number, uint256 amount, uint256 to) external {
        uint256 sum = upTo(amount, lockedOf(by, who, number));
        vm.prank(office(by));
        try vault.slash(person(who), bytes32(number % NUMBERS), sum, person(to)) {
            ++done[7];
        } catch {}
    }

    function slashInto(uint256 by, uint256 who, uint256 number, uint256 amount, uint256 escrow) external {
        uint256 sum = upTo(amount, lockedOf(by, who, number));
        vm.prank(office(by));
        try vault.slashInto(person(who), bytes32(number % NUMBERS), sum, escrow % NUMBERS) {
            ++done[8];
        } catch {}
    }

    function fund(uint256 by, uint256 who, uint256 escrow, uint256 amount) external {
        uint256 sum = upTo(amount, accountOf(who).credit);
        vm.prank(office(by));
        try vault.fund(person(who), escrow % NUMBERS, sum) {
            ++done[9];
        } catch {}
    }

    function pay(uint256 by, uint256 escrow, uint256 to, uint256 amount) external {
        uint256 sum = upTo(amount, vault.escrowOf(office(by), escrow % NUMBERS));
        vm.prank(office(by));
        try vault.pay(escrow % NUMBERS, person(to), sum) {
            ++done[10];
        } catch {}
    }

    function owed() external view returns (uint256 sum) {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            IVault.Account memory account = vault.getAccount(person(i));
            sum += uint256(account.credit) + account.stake + account.unbonding;
        }
        for (uint256 i = 0; i < 2; ++i) {
            for (uint256 escrow = 0; escrow < NUMBERS; ++escrow) {
                sum += vault.escrowOf(office(i), escrow);
            }
        }
    }

    /// What the offices say that is locked of an account.
    function obligations(uint256 who) external view returns (uint256 sum) {
        for (uint256 i = 0; i < 2; ++i) {
            for (uint256 number = 0; number < NUMBERS; ++number) {
                sum += vault.lockedFor(office(i), person(who), bytes32(number));
            }
        }
    }
}

contract VaultInvariants {
    VaultPeople private people;

    function setUp() external {
        people = new VaultPeople();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(people);
    }

    /// An invariant over nothing would hold too.
    function afterInvariant() external view {
        uint256 kinds = 0;
        for (uint256 i = 0; i < 11; ++i) {
            if (people.done(i) != 0) ++kinds;
        }
        assert(kinds >= 9);
    }

    /// forge-config: default.invariant.runs = 24
    /// forge-config: default.invariant.depth = 128
    function invariant_every_token_belongs_to_somebody() external view {
        assert(people.token().balanceOf(address(people.vault())) == people.owed());
    }

    /// forge-config: default.invariant.runs = 24
    /// forge-config: default.invariant.depth = 128
    function invariant_no_more_is_locked_than_is_staked() external view {
        for (uint256 i = 0; i < 3; ++i) {
            IVault.Account memory account = people.vault().getAccount(people.person(i));
            assert(account.locked <= account.stake);
            assert(account.locked == people.obligations(i));
        }
    }
}

contract VaultTest {
    uint256 private constant ALICE_KEY = 0xa11ce;
    address private immutable ALICE = vm.addr(ALICE_KEY);
    address private constant BOB = address(0xb0b);
    address private constant MARKET = address(0x91);
    address private constant VERIFIERS = address(0x92);
    address private constant SWARMS = address(0x93);
    uint256 private constant UNBONDING = 7 days;
    bytes32 private constant JOB = "job";

    Token private token;
    Vault private vault;

    function setUp() external {
        token = new Token(ALICE, 1_000 ether);
        vault = new Vault(IERC20(address(token)), MARKET, VERIFIERS, SWARMS, UNBONDING);
        vm.warp(1_000_000);
        vm.prank(ALICE);
        token.approve(address(vault), 400 ether);
        vm.prank(ALICE);
        vault.deposit(ALICE, 400 ether);
    }

    function expect(address account, uint256 credit, uint256 stake, uint256 locked, uint256 unbonding) private view {
        IVault.Account memory found = vault.getAccount(account);
        assert(found.credit == credit && found.stake == stake && found.locked == locked);
        assert(found.unbonding == unbonding);
    }

    function staked(uint256 amount) private {
        vm.prank(ALICE);
        vault.stake(amount);
    }

    function test_a_deposit_is_credit_and_is_withdrawn() external {
        expect(ALICE, 400 ether, 0, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IVault.NotEnough.selector, bytes32("credit"), 401 ether, 400 ether));
        vm.prank(ALICE);
        vault.withdraw(BOB, 401 ether);
        vm.prank(ALICE);
        vault.withdraw(BOB, 400 ether);
        assert(token.balanceOf(BOB) == 400 ether);
        expect(ALICE, 0, 0, 0, 0);
    }

    function test_a_permit_is_carried_by_anyone_and_survives_a_thief() external {
        uint256 deadline = block.timestamp + 1;
        bytes32 digest = keccak256(
            abi.encodePacked(
                hex"1901",
                token.DOMAIN_SEPARATOR(),
                keccak256(
                    abi.encode(
                        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                        ALICE,
                        address(vault),
                        5 ether,
                        0,
                        deadline
                    )
                )
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ALICE_KEY, digest);
        // Somebody uses the permit before: the deposit goes through all the same, to the owner.
        token.permit(ALICE, address(vault), 5 ether, deadline, v, r, s);
        vault.depositWithPermit(ALICE, 5 ether, deadline, v, r, s);
        expect(ALICE, 405 ether, 0, 0, 0);
        vm.expectRevert();
        vault.depositWithPermit(ALICE, 5 ether, deadline, v, r, s);
    }

    function test_stake_unbonds_before_it_is_credit_and_locked_stake_does_not() external {
        staked(100 ether);
        vm.prank(MARKET);
        vault.lock(ALICE, JOB, 60 ether);
        vm.expectRevert(abi.encodeWithSelector(IVault.NotEnough.selector, bytes32("stake"), 41 ether, 40 ether));
        vm.prank(ALICE);
        vault.unstake(41 ether);
        vm.prank(ALICE);
        vault.unstake(30 ether);
        expect(ALICE, 300 ether, 70 ether, 60 ether, 30 ether);
        assert(vault.freeStake(ALICE) == 10 ether);
        vm.warp(block.timestamp + UNBONDING - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IVault.StillUnbonding.selector, ALICE, block.timestamp, block.timestamp + 1)
        );
        vm.prank(ALICE);
        vault.release();
        vm.warp(block.timestamp + 1);
        vm.prank(ALICE);
        vault.release();
        expect(ALICE, 330 ether, 70 ether, 60 ether, 0);
        vm.expectRevert(abi.encodeWithSelector(IVault.NotEnough.selector, bytes32("unbonding"), 1, 0));
        vm.prank(ALICE);
        vault.release();
    }

    function test_an_office_reaches_only_what_it_locked_itself() external {
        staked(100 ether);
        vm.prank(MARKET);
        vault.lock(ALICE, JOB, 60 ether);
        vm.prank(VERIFIERS);
        vault.lock(ALICE, JOB, 10 ether);
        assert(vault.lockedFor(MARKET, ALICE, JOB) == 60 ether);
        vm.expectRevert(abi.encodeWithSelector(IVault.NotEnough.selector, bytes32("obligation"), 11 ether, 10 ether));
        vm.prank(VERIFIERS);
        vault.slash(ALICE, JOB, 11 ether, BOB);
        vm.expectRevert(abi.encodeWithSelector(IVault.NotEnough.selector, bytes32("obligation"), 1, 0));
        vm.prank(MARKET);
        vault.unlock(ALICE, "another", 1);
        vm.prank(MARKET);
        vault.slash(ALICE, JOB, 20 ether, BOB);
        vm.prank(MARKET);
        vault.unlock(ALICE, JOB, 40 ether);
        expect(ALICE, 300 ether, 80 ether, 10 ether, 0);
        expect(BOB, 20 ether, 0, 0, 0);
    }

    function test_an_escrow_is_filled_by_credit_and_slashes_and_emptied_by_its_office() external {
        staked(100 ether);
        vm.prank(MARKET);
        vault.lock(ALICE, JOB, 50 ether);
        vm.prank(MARKET);
        vault.fund(ALICE, 7, 200 ether);
        vm.prank(MARKET);
        vault.slashInto(ALICE, JOB, 50 ether, 7);
        assert(vault.escrowOf(MARKET, 7) == 250 ether);
        vm.expectRevert(abi.encodeWithSelector(IVault.NotEnough.selector, bytes32("escrow"), 1, 0));
        vm.prank(VERIFIERS);
        vault.pay(7, BOB, 1);
        vm.expectRevert(abi.encodeWithSelector(IVault.NotEnough.selector, bytes32("escrow"), 251 ether, 250 ether));
        vm.prank(MARKET);
        vault.pay(7, BOB, 251 ether);
        vm.prank(MARKET);
        vault.pay(7, BOB, 250 ether);
        expect(ALICE, 100 ether, 50 ether, 0, 0);
        expect(BOB, 250 ether, 0, 0, 0);
    }

    function test_nobody_else_is_an_office() external {
        bytes memory refusal = abi.encodeWithSelector(IVault.NotOffice.selector, address(this));
        vm.expectRevert(refusal);
        vault.lock(ALICE, JOB, 0);
        vm.expectRevert(refusal);
        vault.unlock(ALICE, JOB, 0);
        vm.expectRevert(refusal);
        vault.slash(ALICE, JOB, 0, BOB);
        vm.expectRevert(refusal);
        vault.slashInto(ALICE, JOB, 0, 1);
        vm.expectRevert(refusal);
        vault.fund(ALICE, 1, 0);
        vm.expectRevert(refusal);
        vault.pay(1, BOB, 0);
    }

    function test_a_huge_amount_never_wraps() external {
        staked(1 ether);
        uint256 huge = type(uint256).max;
        vm.expectRevert(abi.encodeWithSelector(IVault.NotEnough.selector, bytes32("credit"), huge, 399 ether));
        vm.prank(ALICE);
        vault.stake(huge);
        vm.expectRevert(abi.encodeWithSelector(IVault.NotEnough.selector, bytes32("stake"), 1 << 96, 1 ether));
        vm.prank(MARKET);
        vault.lock(ALICE, JOB, 1 << 96);
        vm.expectRevert(abi.encodeWithSelector(IVault.NotEnough.selector, bytes32("credit"), 1 << 96, 399 ether));
        vm.prank(MARKET);
        vault.fund(ALICE, 1, 1 << 96);
    }

    function test_its_parameters_are_bounded() external {
        vm.expectRevert(
            abi.encodeWithSelector(Bounds.WrongParameter.selector, bytes32("unbondingTime"), 91 days, 1, 90 days)
        );
        new Vault(IERC20(address(token)), MARKET, VERIFIERS, SWARMS, 91 days);
        vm.expectRevert(
            abi.encodeWithSelector(Bounds.WrongParameter.selector, bytes32("market"), 0, 1, type(uint160).max)
        );
        new Vault(IERC20(address(token)), address(0), VERIFIERS, SWARMS, 1);
    }
}
